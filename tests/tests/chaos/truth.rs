//! What the stack contains at the end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;
use tests::User;

/// Everything that belongs to a user.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) profile: Value,
    /// By id.
    pub(crate) images: BTreeMap<String, Value>,
    /// By id.
    pub(crate) sets: BTreeMap<String, Value>,
    pub(crate) jobs: Vec<Value>,
    /// The sort keys of the expiring links.
    pub(crate) links: Vec<String>,
    /// The items of renditions: the image, the canonical form, and the item.
    pub(crate) renditions: Vec<(String, String, Value)>,
    /// The images that have an item with their words.
    pub(crate) words: BTreeSet<String>,
    /// The items that list the images in the trash, by the image's id.
    pub(crate) trash: BTreeMap<String, Value>,
    /// The keys in the bucket of originals, without the user.
    pub(crate) originals: Vec<String>,
    /// The keys in the bucket of thumbnails, without the user.
    pub(crate) derived: Vec<String>,
    /// The ids in the list of the API.
    pub(crate) listed: Vec<String>,
    /// The ids in the API's list of the trash.
    pub(crate) trashed: Vec<String>,
    /// The usage that the API shows.
    pub(crate) usage: Value,
}

impl Truth {
    /// Reads it.
    pub(crate) async fn read(user: &User) -> Result<Self> {
        let outputs = &user.stack.outputs;
        let (aws, prefix) = (&user.stack.aws, format!("{}/", user.id));
        let pk = format!("USER#{}", user.id);
        let profile = async { user.get("/api/auth/profile").await?.json(200) };
        let (items, originals, derived, listed, trashed, mut profile) = tokio::try_join!(
            aws.partition(&outputs.table, &pk),
            aws.keys(&outputs.uploads_bucket, &prefix),
            aws.keys(&outputs.derived_bucket, &prefix),
            listed(user, "false"),
            listed(user, "true"),
            profile,
        )?;
        let without = |keys: Vec<String>| -> Vec<String> {
            keys.iter().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect()
        };
        let (originals, derived) = (without(originals), without(derived));
        let mut truth = Self {
            profile: Value::Null,
            images: BTreeMap::new(),
            sets: BTreeMap::new(),
            jobs: Vec::new(),
            links: Vec::new(),
            renditions: Vec::new(),
            words: BTreeSet::new(),
            trash: BTreeMap::new(),
            originals,
            derived,
            listed,
            trashed,
            usage: profile["usage"].take(),
        };
        for item in items {
            let sk = item["sk"].as_str().context("no sk")?.to_owned();
            match sk.split_once('#') {
                None if sk == "PROFILE" => truth.profile = item,
                Some(("IMAGE", id)) => drop(truth.images.insert(id.to_owned(), item)),
                Some(("SET", id)) => drop(truth.sets.insert(id.to_owned(), item)),
                Some(("JOB", _)) => truth.jobs.push(item),
                Some(("LINK", _)) => truth.links.push(sk),
                Some(("TRASH", id)) => drop(truth.trash.insert(id.to_owned(), item)),
                Some(("WORDS", rest)) => {
                    let (_part, image) = rest.split_once('#').context("no image of words")?;
                    truth.words.insert(image.to_owned());
                }
                Some(("RENDITION", rest)) => {
                    let (image, form) = rest.split_once('#').context("no form of a rendition")?;
                    truth.renditions.push((image.to_owned(), form.to_owned(), item));
                }
                _ => {}
            }
        }
        Ok(truth)
    }
}

/// The keys of the objects whose image does not exist.
#[derive(Debug)]
pub(crate) struct Ownerless {
    pub(crate) originals: Vec<String>,
    pub(crate) thumbnails: Vec<String>,
}

impl Ownerless {
    /// Finds those of a user.
    pub(crate) async fn of(user: &User) -> Result<Self> {
        let outputs = &user.stack.outputs;
        let (aws, prefix) = (&user.stack.aws, format!("{}/", user.id));
        let pk = format!("USER#{}", user.id);
        let (items, originals, thumbnails) = tokio::try_join!(
            aws.partition(&outputs.table, &pk),
            aws.keys(&outputs.uploads_bucket, &prefix),
            aws.keys(&outputs.derived_bucket, &prefix),
        )?;
        let images: BTreeSet<&str> =
            items.iter().filter_map(|item| item["sk"].as_str()?.strip_prefix("IMAGE#")).collect();
        let is_ownerless = |key: &String| {
            let id = key.strip_prefix(&prefix).and_then(|key| key.split('/').next());
            !id.is_some_and(|id| images.contains(id))
        };
        let ownerless = |keys: Vec<String>| keys.into_iter().filter(&is_ownerless).collect();
        Ok(Self { originals: ownerless(originals), thumbnails: ownerless(thumbnails) })
    }
}

/// The ids of all images in a list of the API.
async fn listed(user: &User, trashed: &str) -> Result<Vec<String>> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/images?limit=100&trashed={trashed}{cursor}")).await?.json(200)?;
        let images = page["images"].as_array().context("no images")?;
        ids.extend(images.iter().filter_map(|image| image["id"].as_str()).map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { return Ok(ids) };
        cursor = format!("&cursor={next}");
    }
}

/// The bytes that an image counts against the quota: those of its picture, and those of a latest version that is not
/// decided yet or that is the only one.
pub(crate) fn counted_bytes(image: &Value) -> u64 {
    let picture = &image["picture"];
    let shown = picture["size"].as_u64().unwrap_or(0);
    let latest =
        if keeps(image, image["version"].as_u64().unwrap_or(0)) && picture["version"] != image["version"] {
            image["size"].as_u64().unwrap_or(0)
        } else {
            0
        };
    shown + latest
}

/// Whether the files of a version belong to the image.
pub(crate) fn keeps(image: &Value, version: u64) -> bool {
    let is_latest = image["version"] == version;
    match image["picture"]["version"].as_u64() {
        Some(picture) if picture == version => true,
        Some(_) => is_latest && matches!(image["status"].as_str(), Some("pending" | "processing")),
        None => is_latest,
    }
}

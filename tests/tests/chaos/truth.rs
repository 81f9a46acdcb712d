//! What the stack contains at the end.

use std::collections::BTreeMap;

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
    /// The keys in the bucket of originals, without the user.
    pub(crate) originals: Vec<String>,
    /// The keys in the bucket of thumbnails, without the user.
    pub(crate) derived: Vec<String>,
    /// The ids in the list of the API.
    pub(crate) listed: Vec<String>,
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
        let (items, originals, derived, listed, mut profile) = tokio::try_join!(
            aws.partition(&outputs.table, &pk),
            aws.keys(&outputs.uploads_bucket, &prefix),
            aws.keys(&outputs.derived_bucket, &prefix),
            listed(user),
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
            originals,
            derived,
            listed,
            usage: profile["usage"].take(),
        };
        for item in items {
            let sk = item["sk"].as_str().context("no sk")?.to_owned();
            match sk.split_once('#') {
                None if sk == "PROFILE" => truth.profile = item,
                Some(("IMAGE", id)) => drop(truth.images.insert(id.to_owned(), item)),
                Some(("SET", id)) => drop(truth.sets.insert(id.to_owned(), item)),
                Some(("JOB", _)) => truth.jobs.push(item),
                _ => {}
            }
        }
        Ok(truth)
    }
}

/// The ids of all images in the list of the API.
async fn listed(user: &User) -> Result<Vec<String>> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/images?limit=100{cursor}")).await?.json(200)?;
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

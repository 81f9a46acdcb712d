//! After random events, a search finds exactly the images whose texts contain its words: none too few, and none that was
//! changed, replaced, deleted or moved to the trash. The test uses a real table and the writes of the functions.
//!
//! `cargo xtask test` runs it against the stack under test, with the environment of a function.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use domain::{
    ContentType, Exif, Image, ImageId, Lease, NewImage, ObjectKey, Order, Placeholder, SearchWords,
    Sequencer, SortBy, Thumbnail, TierId, Upload, UserId,
};
use proptest::{collection::vec, prelude::*};
use store::{Change, Claim, Developed, ImageSearch, Records, TakenRange};

/// Texts, of which some begin with the same letters.
const TEXTS: [&str; 6] = ["Sun", "Sunset at the sea", "l'été", "beach_sun.jpg", "BEACHES", "?"];

/// Queries and the words that they must find.
const QUERIES: [&str; 7] = ["sun", "sunset", "ete", "Beach", "sun beach", "the s", "zebra"];

/// An event. Images are numbered in the order of their creation. A number may be greater.
#[derive(Clone, Copy, Debug)]
enum Event {
    Create {
        text: usize,
    },
    Rename {
        image: usize,
        text: usize,
    },
    /// Without a text, the title is removed.
    Title {
        image: usize,
        text: Option<usize>,
    },
    Describe {
        image: usize,
        text: Option<usize>,
    },
    /// The owner replaces the picture, and changes the title with the same request.
    Replace {
        image: usize,
        text: usize,
    },
    Trash {
        image: usize,
    },
    Restore {
        image: usize,
    },
    Delete {
        image: usize,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let (image, text) = (0..4_usize, 0..TEXTS.len());
    let maybe = proptest::option::of(0..TEXTS.len());
    let both = (image.clone(), text.clone());
    prop_oneof![
        4 => text.prop_map(|text| Event::Create { text }),
        2 => both.clone().prop_map(|(image, text)| Event::Rename { image, text }),
        3 => (image.clone(), maybe.clone()).prop_map(|(image, text)| Event::Title { image, text }),
        3 => (image.clone(), maybe).prop_map(|(image, text)| Event::Describe { image, text }),
        2 => both.prop_map(|(image, text)| Event::Replace { image, text }),
        2 => image.clone().prop_map(|image| Event::Trash { image }),
        2 => image.clone().prop_map(|image| Event::Restore { image }),
        1 => image.prop_map(|image| Event::Delete { image }),
    ]
}

/// What the owner knows about an image.
#[derive(Clone, Debug)]
struct Known {
    id: ImageId,
    file_name: &'static str,
    title: Option<&'static str>,
    description: Option<&'static str>,
    is_shown: bool,
    is_deleted: bool,
}

struct World {
    records: Records,
    user: UserId,
    images: Vec<Known>,
}

impl World {
    async fn new() -> Result<Self> {
        let records = Records::from_env(&aws::config()?)?;
        let user: UserId = ImageId::generate().to_string().parse()?;
        // This tier has a trash.
        let id: TierId = "enterprise".to_owned().try_into()?;
        let tier = records.tier(&id).await?.context("no tier")?;
        assert!(records.set_tier(&user, &tier, domain::now()).await?);
        Ok(Self { records, user, images: Vec::new() })
    }

    /// Creates an image with a picture.
    async fn create(&mut self, file_name: &'static str) -> Result<()> {
        let (records, user, now) = (&self.records, &self.user, domain::now());
        let upload = Upload { content_type: ContentType::Png, size: 1.try_into()?, checksum_sha256: None };
        let new =
            NewImage { file_name: file_name.to_owned().try_into()?, title: None, description: None, upload };
        let image = Image::pending(new, now);
        records.create_images(user, std::slice::from_ref(&image), None, now).await?;
        let key = ObjectKey { user: user.clone(), image: image.id, version: 1 };
        let lease = Lease { owner: "worker".to_owned(), until: now.as_second() + 60 };
        let claim = records.claim(&key, &Sequencer::from_event("01"), &lease, now, now).await?;
        let Claim::Taken(claimed) = claim else { anyhow::bail!("{claim:?}") };
        records.finish(&key, &claimed, developed(), false, now).await?;
        self.images.push(Known {
            id: image.id,
            file_name,
            title: None,
            description: None,
            is_shown: true,
            is_deleted: false,
        });
        Ok(())
    }

    async fn change(&mut self, image: usize, change: Change, set: impl FnOnce(&mut Known)) -> Result<()> {
        let Some(known) = self.images.get_mut(image) else { return Ok(()) };
        let changed = self.records.change_image(&self.user, known.id, &change, domain::now()).await?;
        assert_eq!(changed.is_some(), known.is_shown, "{known:?}");
        if known.is_shown {
            set(known);
        }
        Ok(())
    }

    async fn happen(&mut self, event: Event) -> Result<()> {
        let now = domain::now();
        match event {
            Event::Create { text } => self.create(TEXTS[text]).await?,
            Event::Rename { image, text } => {
                let file_name = Some(TEXTS[text].to_owned().try_into()?);
                let change = Change { file_name, ..Change::default() };
                self.change(image, change, |known| known.file_name = TEXTS[text]).await?;
            }
            Event::Title { image, text } => {
                let title = text.map(|text| TEXTS[text].to_owned().try_into()).transpose()?;
                let change = Change { title: Some(title), ..Change::default() };
                self.change(image, change, |known| known.title = text.map(|text| TEXTS[text])).await?;
            }
            Event::Describe { image, text } => {
                let description = text.map(|text| TEXTS[text].to_owned().try_into()).transpose()?;
                let change = Change { description: Some(description), ..Change::default() };
                self.change(image, change, |known| known.description = text.map(|text| TEXTS[text])).await?;
            }
            Event::Replace { image, text } => {
                let Some(known) = self.images.get_mut(image) else { return Ok(()) };
                let upload =
                    Upload { content_type: ContentType::Png, size: 2.try_into()?, checksum_sha256: None };
                let title = Some(Some(TEXTS[text].to_owned().try_into()?));
                let change = Change { title, ..Change::default() };
                let replaced = self.records.replace_image(&self.user, known.id, &upload, &change, now).await;
                assert_eq!(replaced.is_ok(), known.is_shown, "{replaced:?}");
                if known.is_shown {
                    known.title = Some(TEXTS[text]);
                }
            }
            Event::Trash { image } => {
                let Some(known) = self.images.get_mut(image) else { return Ok(()) };
                assert_eq!(self.records.discard_image(&self.user, known.id, now).await?, known.is_shown);
                known.is_shown = false;
            }
            Event::Restore { image } => {
                let Some(known) = self.images.get_mut(image) else { return Ok(()) };
                let restored = self.records.restore_image(&self.user, known.id, now).await?;
                assert_eq!(restored.is_some(), !known.is_deleted);
                known.is_shown = !known.is_deleted;
            }
            Event::Delete { image } => {
                let Some(known) = self.images.get_mut(image) else { return Ok(()) };
                assert_eq!(self.records.delete_image(&self.user, known.id, now).await?, !known.is_deleted);
                (known.is_shown, known.is_deleted) = (false, true);
            }
        }
        Ok(())
    }

    /// The images that a search finds, page by page, in its order.
    async fn found(&self, query: Option<&str>, sort: SortBy, order: Order) -> Result<Vec<ImageId>> {
        let (words, taken) = (query.and_then(SearchWords::of), TakenRange::default());
        let search = ImageSearch { words: words.as_ref(), taken: &taken, status: None, sort, order };
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let now = domain::now();
            let page = self.records.search_images(&self.user, &search, after.as_ref(), 2, now).await?;
            ids.extend(page.items.into_iter().map(|(_, image)| image.id));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    async fn check(&self) -> Result<()> {
        for query in QUERIES {
            let expected: BTreeSet<ImageId> =
                self.shown().filter(|image| finds(query, image)).map(|image| image.id).collect();
            // The order by the time taken uses an index, which may lag behind.
            for sort in [SortBy::CreatedAt, SortBy::FileName] {
                let found = self.found(Some(query), sort, Order::Descending).await?;
                assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), expected, "{query:?} {sort:?}");
                assert_eq!(found.len(), expected.len(), "an image is on two pages: {query:?} {sort:?}");
            }
        }
        let mut by_name: Vec<(String, ImageId)> =
            self.shown().map(|image| (domain::fold(image.file_name), image.id)).collect();
        by_name.sort();
        let by_name: Vec<ImageId> = by_name.into_iter().map(|(_, id)| id).collect();
        assert_eq!(self.found(None, SortBy::FileName, Order::Ascending).await?, by_name);
        Ok(())
    }

    fn shown(&self) -> impl Iterator<Item = &Known> {
        self.images.iter().filter(|image| image.is_shown)
    }
}

/// Whether each word of a query is the beginning of a word in a text. It folds in its own, simpler way.
fn finds(query: &str, image: &Known) -> bool {
    let fold = |text: &str| text.to_lowercase().replace('é', "e");
    let texts = [Some(image.file_name), image.title, image.description];
    let words: Vec<String> = texts
        .into_iter()
        .flatten()
        .flat_map(|text| {
            let folded = fold(text);
            folded.split(|c: char| !c.is_alphanumeric()).map(ToOwned::to_owned).collect::<Vec<_>>()
        })
        .collect();
    query.split(' ').all(|wanted| words.iter().any(|word| word.starts_with(&fold(wanted))))
}

fn developed() -> Developed {
    let thumbnail = Thumbnail { size: 200, width: 2, height: 1, content_type: "image/jpeg".to_owned() };
    let placeholder =
        Placeholder { thumbhash: "1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned(), color: "#000000".to_owned() };
    Developed { width: 2, height: 1, thumbnails: vec![thumbnail], placeholder, exif: Exif::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_exactly_what_contains_its_words(events in vec(event(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
            runtime.block_on(async {
                let mut world = World::new().await?;
                for event in events {
                    world.happen(event).await?;
                    world.check().await?;
                }
                Ok(())
            })
        });
        result.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
    }
}

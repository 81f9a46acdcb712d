//! Searches the images of a user.
//!
//! The search reads the items with the words of all images of the user, which have some 300 bytes each, in eight queries
//! at the same time. DynamoDB returns only those that contain the words. Then the images of a page are read from the
//! table and compared themselves, so that no result is out of date. docs/DECISIONS.md explains why.

use std::collections::{HashMap, HashSet};
use std::{convert::Infallible, fmt, str::FromStr};

use aws::CallError;
use domain::{Image, ImageId, Order, SearchWords, SortBy, Status, Timestamp, UserId};
use futures_util::future::try_join_all;

use super::{
    taken::{LOOKED_AT, TakenRange},
    words::{SORT_NAME, WORDS},
};
use crate::dynamodb::{
    condition::{Condition, begins_with, contains, eq},
    keys::{Item, SHARDS, image_of_words_key, string, user_pk, words_of_shard},
    records::{Page, Records},
};

/// Which images a search finds, and their order.
#[derive(Clone, Debug)]
pub struct ImageSearch<'a> {
    /// The words that the image contains. `None` finds all images.
    pub words: Option<&'a SearchWords>,
    /// When the picture was taken.
    pub taken: &'a TakenRange,
    /// The status of the image.
    pub status: Option<Status>,
    /// What the results are ordered by.
    pub sort: SortBy,
    /// The direction of the order.
    pub order: Order,
}

/// How many images are read at the same time after the first read (BatchGetItem, "Keys").
const READ_AT_ONCE: usize = 100;

/// The place of an image among the results of a search. The order of the texts is that of the results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPlace(String);

impl fmt::Display for SearchPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SearchPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Records {
    /// The images that a search finds, beginning after `after`. Each comes with its place.
    ///
    /// At most 500 images are looked at. Therefore a page can be short or empty although more images follow. `next` shows
    /// whether more follow.
    ///
    /// Two calls: the words and the times, and then the images. More if a user has very many images, or if many of the
    /// images that were found have changed meanwhile or are in the trash.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn search_images(
        &self,
        user: &UserId,
        search: &ImageSearch<'_>,
        after: Option<&SearchPlace>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<(SearchPlace, Image), SearchPlace>, CallError> {
        let mut places = self.places(user, search, after).await?.into_iter().peekable();
        let (mut found, mut looked_at, mut last) = (Vec::with_capacity(limit), 0, None);
        while found.len() < limit && looked_at < LOOKED_AT && places.peek().is_some() {
            // If none of them has changed, the first read is enough.
            let some: Vec<(SearchPlace, ImageId)> =
                places.by_ref().take(if looked_at == 0 { limit } else { READ_AT_ONCE }).collect();
            looked_at += some.len();
            let images = self.images_by_id(user, some.iter().map(|(_, id)| *id), now).await?;
            let mut images: HashMap<ImageId, Image> =
                images.into_iter().map(|image| (image.id, image)).collect();
            for (place, id) in some {
                if found.len() == limit {
                    // The next page begins with it.
                    return Ok(Page { items: found, next: last });
                }
                last = Some(place.clone());
                found.extend(
                    images.remove(&id).filter(|image| search.finds(image)).map(|image| (place, image)),
                );
            }
        }
        Ok(Page { items: found, next: last.filter(|_| places.peek().is_some()) })
    }

    /// The places of the images that the search may find, in its order, beginning after `after`.
    async fn places(
        &self,
        user: &UserId,
        search: &ImageSearch<'_>,
        after: Option<&SearchPlace>,
    ) -> Result<Vec<(SearchPlace, ImageId)>, CallError> {
        let needs_names = search.words.is_some() || search.sort == SortBy::FileName;
        let needs_times = search.sort == SortBy::TakenAt || !search.taken.is_everything();
        let names = async {
            if needs_names { self.names_of_images(user, search.words).await.map(Some) } else { Ok(None) }
        };
        let times = async {
            if needs_times { self.all_taken_positions(user, search.taken).await.map(Some) } else { Ok(None) }
        };
        let (names, times) = tokio::try_join!(names, times)?;
        let mut places: Vec<(SearchPlace, ImageId)> = match (search.sort, names, times) {
            (SortBy::TakenAt, names, Some(times)) => times
                .into_iter()
                .filter(|time| names.as_ref().is_none_or(|names| names.contains_key(&time.image)))
                .map(|time| (SearchPlace(time.to_string()), time.image))
                .collect(),
            (SortBy::FileName, Some(names), times) => {
                let in_range: Option<HashSet<ImageId>> =
                    times.map(|times| times.into_iter().map(|time| time.image).collect());
                names
                    .into_iter()
                    .filter(|(id, _)| in_range.as_ref().is_none_or(|ids| ids.contains(id)))
                    // No file name contains a control character, so shorter names come first.
                    .map(|(id, name)| (SearchPlace(format!("{name}\0{id}")), id))
                    .collect()
            }
            (_, names, times) => {
                let times =
                    times.map(|times| times.into_iter().map(|time| time.image).collect::<HashSet<_>>());
                let names = names.map(|names| names.into_keys().collect::<HashSet<_>>());
                let ids = match (names, times) {
                    (Some(names), Some(times)) => names.intersection(&times).copied().collect(),
                    (ids, None) | (None, ids) => ids.unwrap_or_default(),
                };
                ids.into_iter().map(|id| (SearchPlace(id.to_string()), id)).collect()
            }
        };
        // While the index changes the position of an image, it may contain both.
        places.sort_unstable();
        match search.order {
            Order::Ascending => places.retain(|(place, _)| after.is_none_or(|after| place > after)),
            Order::Descending => {
                places.reverse();
                places.retain(|(place, _)| after.is_none_or(|after| place < after));
            }
        }
        Ok(places)
    }

    /// The folded file names of a user's images that contain the words, or of all.
    async fn names_of_images(
        &self,
        user: &UserId,
        words: Option<&SearchWords>,
    ) -> Result<HashMap<ImageId, String>, CallError> {
        let parts = try_join_all((0..SHARDS).map(|part| self.names_in_part(user, part, words))).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn names_in_part(
        &self,
        user: &UserId,
        part: u8,
        words: Option<&SearchWords>,
    ) -> Result<Vec<(ImageId, String)>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(words_of_shard(part))));
        let query = self.query(keys, words.and_then(contain_all))?;
        let query = query.projection_expression(format!("sk, {SORT_NAME}"));
        let (mut names, mut start) = (Vec::new(), None);
        loop {
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            names.extend(answer.items.unwrap_or_default().iter().filter_map(name_of));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(names);
            }
        }
    }
}

impl ImageSearch<'_> {
    /// Whether the search finds this image. What led to the image may be out of date.
    fn finds(&self, image: &Image) -> bool {
        self.words.is_none_or(|words| words.match_image(image))
            && self.status.is_none_or(|status| image.status == status)
            && self.taken.contains(&image.taken_position())
    }
}

/// Each word is the beginning of a word in one of the texts. The stored texts have a space before each word.
fn contain_all(words: &SearchWords) -> Option<Condition> {
    let conditions = words.as_slice().iter().filter_map(|word| {
        let texts = WORDS.into_iter().map(|name| contains(name, string(format!(" {word}"))));
        texts.reduce(Condition::or)
    });
    conditions.reduce(Condition::and)
}

fn name_of(item: &Item) -> Option<(ImageId, String)> {
    Some((image_of_words_key(item)?, item.get(SORT_NAME)?.as_s().ok()?.clone()))
}

//! Reads and lists the images of all users, for admins.

use aws::CallError;
use domain::{Image, ImageId, PhoneNumber, Status, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    dynamodb::{
        condition::{Condition, between, contains, eq},
        keys::{
            IMAGE, Item, SHARDS, image_of_key, owner, phone_images, read, search_name, shard, string, user_pk,
        },
        records::{Page, Records},
    },
    images::filter::{not_expired, status_is},
};

/// An image and its owner.
#[derive(Clone, Debug)]
pub struct OwnedImage {
    /// The owner.
    pub user: UserId,
    /// The image.
    pub image: Image,
}

/// Which images a list of all users' images contains.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The image belongs to this user.
    pub user: Option<UserId>,
    /// The image was uploaded for this phone number.
    pub phone_number: Option<PhoneNumber>,
    /// The file name contains this text. Upper and lower case are equal.
    pub file_name: Option<String>,
    /// The image has this status.
    pub status: Option<Status>,
    /// The image was created at this time or later.
    pub after: Option<Timestamp>,
    /// The image was created before this time.
    pub before: Option<Timestamp>,
}

impl Filter {
    /// What DynamoDB tests after it has read an image. The keys of the query test the rest.
    fn condition(&self, now: Timestamp) -> Condition {
        let mut condition = not_expired(now);
        if let Some(status) = self.status {
            condition = condition.and(status_is(status, now));
        }
        if let Some(text) = &self.file_name {
            condition = condition.and(contains("search_name", search_name(text)));
        }
        condition
    }

    /// Whether the query may read images that the list does not contain.
    fn reads_more(&self) -> bool {
        self.status.is_some() || self.file_name.is_some()
    }
}

/// A page of one partition of the table or of an index, newest first.
struct PartitionPage {
    images: Vec<OwnedImage>,
    /// The oldest id that the query has read, if the partition contains older ones.
    scanned_to: Option<ImageId>,
}

impl Records {
    /// An image of any user. `None` if it does not exist or has expired. An index answers, which may lag behind the
    /// table.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn admin_image(&self, id: ImageId, now: Timestamp) -> Result<Option<OwnedImage>, CallError> {
        let keys = eq("shard", shard(id.shard(SHARDS))).and(eq("id", string(id.to_string())));
        let answer = self.query(keys, None)?.index_name("by_time").send().await?;
        let item = answer.items.unwrap_or_default().into_iter().next();
        item.map_or(Ok(None), |item| owned(item, now))
    }

    /// The images of all users, newest first, beginning after `after`.
    ///
    /// One call for each partition of the index, all at the same time, or one call for the images of one user or phone
    /// number. With a filter that the keys cannot test, each call reads at most one megabyte. Therefore a page can be
    /// short or empty although more images follow. `next` shows whether more follow.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn admin_images(
        &self,
        filter: &Filter,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<OwnedImage, ImageId>, CallError> {
        let mut before = after.map_or_else(|| "~".to_owned(), |id| id.to_string());
        if let Some(time) = filter.before {
            before = before.min(ImageId::first_at(time).to_string());
        }
        // DynamoDB refuses an empty string in a key condition.
        let from = filter.after.map_or_else(|| "0".to_owned(), |time| ImageId::first_at(time).to_string());
        if from >= before {
            return Ok(Page { items: Vec::new(), next: None });
        }
        // `BETWEEN` includes `before`. `partition_page` leaves it out.
        let range = |path, prefix: &str| {
            between(path, string(format!("{prefix}{from}")), string(format!("{prefix}{before}")))
        };
        let page = |index, keys| self.partition_page(index, keys, filter, &before, limit, now);
        let pages = match (&filter.user, &filter.phone_number) {
            (Some(user), Some(number)) => {
                let keys = eq("pk", user_pk(user)).and(range("phone_image", &phone_images(number)));
                vec![page(Some("by_user_phone_number"), keys).await?]
            }
            (Some(user), None) => vec![page(None, eq("pk", user_pk(user)).and(range("sk", IMAGE))).await?],
            (None, Some(number)) => {
                let keys = eq("phone_number", string(number.as_str())).and(range("id", ""));
                vec![page(Some("by_phone_number"), keys).await?]
            }
            (None, None) => {
                let shards = (0..SHARDS).map(|part| eq("shard", shard(part)).and(range("id", "")));
                try_join_all(shards.map(|keys| page(Some("by_time"), keys))).await?
            }
        };
        Ok(merge(pages, limit))
    }

    async fn partition_page(
        &self,
        index: Option<&str>,
        keys: Condition,
        filter: &Filter,
        before: &str,
        limit: usize,
        now: Timestamp,
    ) -> Result<PartitionPage, CallError> {
        let query = self.query(keys, Some(filter.condition(now)))?;
        let mut query = query.set_index_name(index.map(str::to_owned)).scan_index_forward(false);
        if !filter.reads_more() {
            query = query.limit(i32::try_from(limit + 2).unwrap_or(i32::MAX));
        }
        let answer = query.send().await?;
        let mut images = Vec::new();
        for item in answer.items.unwrap_or_default() {
            images.extend(owned(item, now)?.filter(|owned| owned.image.id.to_string().as_str() < before));
        }
        Ok(PartitionPage { images, scanned_to: answer.last_evaluated_key.as_ref().and_then(image_of_key) })
    }
}

/// Merges the pages of the partitions, newest first. Each partition may contain unread images that are older than its
/// `scanned_to`. Therefore the page ends at the newest `scanned_to`.
fn merge(pages: Vec<PartitionPage>, limit: usize) -> Page<OwnedImage, ImageId> {
    let scanned_to = pages.iter().filter_map(|page| page.scanned_to).max();
    let mut items: Vec<OwnedImage> = pages.into_iter().flat_map(|page| page.images).collect();
    items.retain(|owned| scanned_to.is_none_or(|oldest| owned.image.id >= oldest));
    items.sort_by_key(|owned| std::cmp::Reverse(owned.image.id));
    Page::new(items, limit, |owned| owned.image.id, scanned_to)
}

fn owned(item: Item, now: Timestamp) -> Result<Option<OwnedImage>, CallError> {
    let user = owner(&item)?;
    Ok(read::<Image>(item)?.unless_expired(now).map(|image| OwnedImage { user, image }))
}

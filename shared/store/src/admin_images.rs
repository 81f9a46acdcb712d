//! Reads and lists the images of all users, for admins.

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Image, ImageId, PhoneNumber, Status, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    dynamodb::{
        condition::{between, contains, eq},
        keys::{Item, SHARDS, owner, read, search_name, shard, string},
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

/// The ids of a list: from `from`, and before `before`.
struct Range {
    from: String,
    before: String,
}

/// A page of one partition of an index, newest first.
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
    /// One call for each partition of the index, all at the same time. With a file name or a status, each call reads at
    /// most one megabyte. Therefore a page can be short or empty although more images follow. `next` shows whether more
    /// follow.
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
        let from = filter.after.map_or_else(String::new, |time| ImageId::first_at(time).to_string());
        if from >= before {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let range = Range { from, before };
        let pages = match &filter.phone_number {
            Some(number) => {
                let partition = ("by_phone_number", "phone_number", string(number.as_str()));
                vec![self.partition_page(partition, filter, &range, limit, now).await?]
            }
            None => {
                let partitions = (0..SHARDS).map(|part| ("by_time", "shard", shard(part)));
                let pages =
                    partitions.map(|partition| self.partition_page(partition, filter, &range, limit, now));
                try_join_all(pages).await?
            }
        };
        Ok(merge(pages, limit))
    }

    async fn partition_page(
        &self,
        (index, name, partition): (&str, &str, AttributeValue),
        filter: &Filter,
        range: &Range,
        limit: usize,
        now: Timestamp,
    ) -> Result<PartitionPage, CallError> {
        // DynamoDB refuses an empty string in a key condition.
        let from = if range.from.is_empty() { "0" } else { &range.from };
        // `BETWEEN` includes `before`. The loop below leaves it out.
        let keys = eq(name, partition).and(between("id", string(from), string(&range.before)));
        let mut condition = not_expired(now);
        if let Some(status) = filter.status {
            condition = condition.and(status_is(status, now));
        }
        if let Some(text) = &filter.file_name {
            condition = condition.and(contains("search_name", search_name(text)));
        }
        let mut query = self.query(keys, Some(condition))?.index_name(index).scan_index_forward(false);
        if filter.status.is_none() && filter.file_name.is_none() {
            query = query.limit(i32::try_from(limit + 2).unwrap_or(i32::MAX));
        }
        let answer = query.send().await?;
        let mut images = Vec::new();
        for item in answer.items.unwrap_or_default() {
            images.extend(owned(item, now)?.filter(|owned| owned.image.id.to_string() < range.before));
        }
        let scanned_to =
            answer.last_evaluated_key.as_ref().and_then(|key| key.get("id")?.as_s().ok()?.parse().ok());
        Ok(PartitionPage { images, scanned_to })
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

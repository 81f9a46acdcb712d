//! Everybody's images, for admins.

use aws::CallError;
use domain::{Image, ImageId, PhoneNumber, Status, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    Page, Records,
    item::{Item, SHARDS, names_in, number, owner, read, search_name, shard, string},
    records::{NOT_EXPIRED, page, status_is},
};

/// An image and whose it is.
#[derive(Clone, Debug)]
pub struct OwnedImage {
    /// The owner.
    pub user: UserId,
    /// The image.
    pub image: Image,
}

/// What a list of everybody's images is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Uploaded for this phone number.
    pub phone_number: Option<PhoneNumber>,
    /// The file's name contains this, whatever the capitals.
    pub file_name: Option<String>,
    /// In this state.
    pub status: Option<Status>,
    /// Made at this time or later.
    pub after: Option<Timestamp>,
    /// Made before this time.
    pub before: Option<Timestamp>,
}

/// A part of one partition: newest first, down to `floor` where it goes on further below.
struct PartitionPage {
    images: Vec<OwnedImage>,
    floor: Option<ImageId>,
}

/// A reserved word needs a placeholder.
const OF_SHARD: &str = "#shard = :shard AND id = :id";

impl Records {
    /// One image, whosever it is, unless it expired. Read from an index, which may be behind by a moment.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn admin_image(&self, id: ImageId, now: Timestamp) -> Result<Option<OwnedImage>, CallError> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by_time")
            .key_condition_expression(OF_SHARD)
            .set_expression_attribute_names(names_in(&[OF_SHARD]))
            .expression_attribute_values(":shard", shard(id.shard(SHARDS)))
            .expression_attribute_values(":id", string(id.to_string()))
            .send()
            .await?;
        let item = answer.items.unwrap_or_default().into_iter().next();
        item.map_or(Ok(None), |item| owned(item, now))
    }

    /// Everybody's images, newest first, from the one after `after`; times are those at which the images were
    /// made.
    ///
    /// One call to each partition of the index, all at the same time. A filter by file name or status looks at
    /// a megabyte of each at most, so a page can be short or empty although more follow; `next` tells.
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
        let stretches = match &filter.phone_number {
            Some(number) => {
                let partition = ("by_phone_number", "phone_number", string(number.as_str()));
                vec![self.stretch(partition, filter, &from, &before, limit, now).await?]
            }
            None => {
                let partitions = (0..SHARDS).map(|part| ("by_time", "shard", shard(part)));
                try_join_all(
                    partitions.map(|partition| self.stretch(partition, filter, &from, &before, limit, now)),
                )
                .await?
            }
        };
        Ok(merge(stretches, limit))
    }

    async fn stretch(
        &self,
        (index, name, partition): (&str, &str, aws_sdk_dynamodb::types::AttributeValue),
        filter: &Filter,
        from: &str,
        before: &str,
        limit: usize,
        now: Timestamp,
    ) -> Result<PartitionPage, CallError> {
        let mut conditions = vec![NOT_EXPIRED];
        if let Some(status) = filter.status {
            conditions.push(status_is(status));
        }
        if filter.file_name.is_some() {
            conditions.push("contains(#search_name, :file_name)");
        }
        let conditions = conditions.join(" AND ");
        let key_condition = format!("#{name} = :partition AND id BETWEEN :from AND :before");
        // The index's keys are between both bounds, inclusive: the last one shown is left out below.
        let mut query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name(index)
            .set_expression_attribute_names(names_in(&[&key_condition, &conditions]))
            .key_condition_expression(key_condition)
            .filter_expression(&conditions)
            .expression_attribute_values(":partition", partition)
            .expression_attribute_values(":from", string(if from.is_empty() { "0" } else { from }))
            .expression_attribute_values(":before", string(before))
            .expression_attribute_values(":now", number(now.as_second()))
            .scan_index_forward(false);
        if let Some(status) = filter.status {
            query = query.expression_attribute_values(":status", string(status.as_str()));
        }
        query = match &filter.file_name {
            Some(text) => query.expression_attribute_values(":file_name", search_name(text)),
            None if filter.status.is_none() => query.limit(i32::try_from(limit + 2).unwrap_or(i32::MAX)),
            None => query,
        };
        let answer = query.send().await?;
        let mut images = Vec::new();
        for item in answer.items.unwrap_or_default() {
            images.extend(owned(item, now)?.filter(|owned| owned.image.id.to_string().as_str() < before));
        }
        let floor =
            answer.last_evaluated_key.as_ref().and_then(|key| key.get("id")?.as_s().ok()?.parse().ok());
        Ok(PartitionPage { images, floor })
    }
}

/// Puts stretches together, newest first. Below the highest floor some partition may hold images that were not
/// looked at, so the page ends there.
fn merge(stretches: Vec<PartitionPage>, limit: usize) -> Page<OwnedImage, ImageId> {
    let floor = stretches.iter().filter_map(|stretch| stretch.floor).max();
    let mut items: Vec<OwnedImage> = stretches.into_iter().flat_map(|stretch| stretch.images).collect();
    items.retain(|owned| floor.is_none_or(|floor| owned.image.id >= floor));
    items.sort_by_key(|owned| std::cmp::Reverse(owned.image.id));
    page(items, limit, |owned| owned.image.id, floor)
}

fn owned(item: Item, now: Timestamp) -> Result<Option<OwnedImage>, CallError> {
    let user = owner(&item)?;
    Ok(read::<Image>(item)?.unless_expired(now).map(|image| OwnedImage { user, image }))
}

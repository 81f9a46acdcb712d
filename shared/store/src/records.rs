//! The table, and images as their owner reads and removes them.

use std::time::Duration;

use aws::CallError;
use aws_sdk_dynamodb::{
    Client, Config,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, KeysAndAttributes, Put, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    },
};
use aws_types::SdkConfig;
use domain::{Image, ImageId, PhoneNumber, Profile, SetPlace, Status, Timestamp, UserId};

use crate::{
    conflict::RetryConflicts,
    item::{IMAGE, Item, Write, image_key, names_in, number, read, set_key, string, user_pk},
    tiers::CachedTier,
};

/// The table of records.
#[derive(Debug)]
pub struct Records {
    pub(crate) dynamodb: Client,
    pub(crate) table: String,
    pub(crate) default_tier: CachedTier,
}

/// Some of a list, and where to go on.
#[derive(Debug)]
pub struct Page<T, I> {
    /// The items; there may be fewer than asked for although more follow.
    pub items: Vec<T>,
    /// The item after which the next page begins, where there is one.
    pub next: Option<I>,
}

/// An image or a set is hidden from the moment its time is past, although the table removes it later.
pub(crate) const NOT_EXPIRED: &str = "(attribute_not_exists(expires_at) OR expires_at > :now)";

/// What DynamoDB gives in one call at most (BatchGetItem, "Keys").
const BATCH: usize = 100;

impl Records {
    /// The records in the table that `TABLE_NAME` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        let config = Config::from(config).to_builder().retry_classifier(RetryConflicts).build();
        Ok(Self {
            dynamodb: Client::from_conf(config),
            table: aws::var("TABLE_NAME")?,
            default_tier: CachedTier::default(),
        })
    }

    /// One image of a user, unless it expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        Ok(self.stored_image(user, id).await?.and_then(|image| image.unless_expired(now)))
    }

    /// One image as the table has it, which may be past its time.
    pub(crate) async fn stored_image(&self, user: &UserId, id: ImageId) -> Result<Option<Image>, CallError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(image_key(user, id)))
            .consistent_read(true)
            .send()
            .await?;
        answer.item.map(read).transpose()
    }

    /// One image of a user together with the user's profile, read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image_and_profile(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<(Image, Profile)>, CallError> {
        let (image, profile) = tokio::try_join!(self.image(user, id, now), self.profile_or_default(user))?;
        Ok(image.map(|image| (image, profile)))
    }

    /// A user's images, newest first, from the one after `after`.
    ///
    /// A filter by status looks at two megabytes of records at most, so a page can be short or empty
    /// although more follow; `next` tells.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images(
        &self,
        user: &UserId,
        status: Option<Status>,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Image, ImageId>, CallError> {
        const ROUNDS: usize = 2;
        let mut images: Vec<Image> = Vec::with_capacity(limit);
        let mut start = after.map(|id| image_key(user, id));
        let filter = match status {
            Some(status) => format!("{NOT_EXPIRED} AND {}", status_is(status)),
            None => NOT_EXPIRED.to_owned(),
        };
        for _ in 0..ROUNDS {
            let mut query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :image)")
                .filter_expression(&filter)
                .set_expression_attribute_names(names_in(&[&filter]))
                .expression_attribute_values(":pk", user_pk(user))
                .expression_attribute_values(":image", string(IMAGE))
                .expression_attribute_values(":now", number(now.as_second()))
                .scan_index_forward(false)
                .consistent_read(true)
                .set_exclusive_start_key(start);
            query = match status {
                Some(status) => query.expression_attribute_values(":status", string(status.as_str())),
                // One more than asked for tells whether anything follows.
                None => query.limit(i32::try_from(limit + 1 - images.len()).unwrap_or(i32::MAX)),
            };
            let answer = query.send().await?;
            for item in answer.items.unwrap_or_default() {
                images.extend(read::<Image>(item)?.unless_expired(now));
            }
            start = answer.last_evaluated_key;
            if images.len() > limit || start.is_none() {
                break;
            }
        }
        Ok(page(images, limit, |image| image.id, start.as_ref().and_then(id_of_key)))
    }

    /// A user's images of a phone number, newest first, from the one after `after`.
    ///
    /// Read from an index, which may be behind by a moment.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images_of_phone(
        &self,
        user: &UserId,
        phone_number: &PhoneNumber,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Image, ImageId>, CallError> {
        let before = after.map_or_else(|| string("~"), |id| string(id.to_string()));
        let filter = format!("{NOT_EXPIRED} AND pk = :pk");
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by_phone_number")
            .key_condition_expression("phone_number = :number AND id < :before")
            .filter_expression(filter)
            .expression_attribute_values(":number", string(phone_number.as_str()))
            .expression_attribute_values(":before", before)
            .expression_attribute_values(":pk", user_pk(user))
            .expression_attribute_values(":now", number(now.as_second()))
            .scan_index_forward(false)
            .send()
            .await?;
        let mut images = Vec::with_capacity(limit);
        for item in answer.items.unwrap_or_default() {
            images.extend(read::<Image>(item)?.unless_expired(now));
        }
        Ok(page(images, limit, |image| image.id, answer.last_evaluated_key.as_ref().and_then(id_of_key)))
    }

    /// Some images of a user that are known by their ids; those that are gone are left out.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images_by_id(
        &self,
        user: &UserId,
        ids: impl IntoIterator<Item = ImageId>,
        now: Timestamp,
    ) -> Result<Vec<Image>, CallError> {
        let items = self.batch(ids.into_iter().map(|id| image_key(user, id)).collect()).await?;
        let images = items.into_iter().map(read::<Image>).collect::<Result<Vec<_>, _>>()?;
        Ok(images.into_iter().filter_map(|image| image.unless_expired(now)).collect())
    }

    /// The items at some keys, in no order, without those that are not there.
    pub(crate) async fn batch(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, CallError> {
        let mut parts = Vec::new();
        while !keys.is_empty() {
            let rest = keys.split_off(keys.len().min(BATCH));
            parts.push(self.batch_part(std::mem::replace(&mut keys, rest)));
        }
        Ok(futures_util::future::try_join_all(parts).await?.into_iter().flatten().collect())
    }

    async fn batch_part(&self, keys: Vec<Item>) -> Result<Vec<Item>, CallError> {
        const ATTEMPTS: u32 = 5;
        let mut items = Vec::with_capacity(keys.len());
        let mut wanted = keys;
        for attempt in 0..ATTEMPTS {
            let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let request = request.map_err(CallError::internal)?;
            let answer = self.dynamodb.batch_get_item().request_items(&self.table, request).send().await?;
            items.extend(answer.responses.into_iter().flatten().flat_map(|(_table, items)| items));
            wanted = answer
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_table, request)| request.keys)
                .collect();
            if wanted.is_empty() {
                return Ok(items);
            }
            pause(attempt).await;
        }
        Err(CallError::Unavailable("DynamoDB leaves keys of a batch unread".into()))
    }

    /// Removes an image's record, and frees the slot that it filled. The stream takes care of its objects
    /// and its place in the quota. Returns whether there was one.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_image(&self, user: &UserId, id: ImageId, now: Timestamp) -> Result<bool, CallError> {
        let Some(image) = self.delete_record(user, id, now).await? else { return Ok(false) };
        if let Some(place) = image.set {
            self.free_slot(user, id, place).await?;
        }
        Ok(true)
    }

    /// Removes the record of an image that was read before, and frees its slot at the same time: the place of
    /// an image never changes. Returns whether it was still there.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_known_image(
        &self,
        user: &UserId,
        image: &Image,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let freed = async {
            match image.set {
                Some(place) => self.free_slot(user, image.id, place).await,
                None => Ok(()),
            }
        };
        let (deleted, ()) = tokio::try_join!(self.delete_record(user, image.id, now), freed)?;
        Ok(deleted.is_some())
    }

    /// Removes an image's record. Returns the image, if there was one.
    pub(crate) async fn delete_record(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(image_key(user, id)))
            .condition_expression(format!("attribute_exists(pk) AND {NOT_EXPIRED}"))
            .expression_attribute_values(":now", number(now.as_second()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => answer.attributes.map(read).transpose(),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Empties the slot that an image filled, unless another fills it by now.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn free_slot(&self, user: &UserId, id: ImageId, place: SetPlace) -> Result<(), CallError> {
        let slot = place.image_type.as_str();
        let update = format!("REMOVE #slots.#{slot}");
        let write = Write::new(set_key(user, place.id), update, format!("#slots.#{slot} = :image"))
            .value(":image", string(id.to_string()));
        match write.alone(self).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A part of a transaction that puts a new item.
    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, CallError> {
        let put = self.put(item).condition_expression("attribute_not_exists(pk)").build();
        Ok(TransactWriteItem::builder().put(put.map_err(CallError::internal)?).build())
    }

    pub(crate) fn put(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Writes all or nothing. Returns the reasons where a condition failed. A conflict with another
    /// transaction on the same profile (a user's parallel uploads) is tried again after a random pause.
    pub(crate) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Option<Vec<CancellationReason>>, CallError> {
        const ATTEMPTS: u32 = 8;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answer =
                self.dynamodb.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let error = match answer {
                Ok(_) => return Ok(None),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(error.into());
            };
            let reasons = cancelled.cancellation_reasons();
            let has = |code| reasons.iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                return Ok(Some(reasons.to_vec()));
            }
            if attempt == ATTEMPTS || !(has("TransactionConflict") || has("ThrottlingError")) {
                return Err(CallError::Unavailable(error.into()));
            }
            pause(attempt).await;
        }
    }
}

/// A page of at most `limit` items of those found; more were looked for, to know whether any follow.
pub(crate) fn page<T, I>(
    mut items: Vec<T>,
    limit: usize,
    id: impl Fn(&T) -> I,
    after: Option<I>,
) -> Page<T, I> {
    if items.len() <= limit {
        return Page { items, next: after };
    }
    items.truncate(limit);
    let next = items.last().map(id);
    Page { items, next }
}

/// The filter for a state, named `:status`, at the time `:now`.
pub(crate) const fn status_is(status: Status) -> &'static str {
    match status {
        // A replacement that has lapsed, but that the table still has as pending, is ready.
        Status::Ready => "(#status = :status OR #replace_by <= :now)",
        Status::Pending => {
            "(#status = :status AND (attribute_not_exists(#replace_by) OR #replace_by > :now))"
        }
        Status::Processing | Status::Failed => "#status = :status",
    }
}

fn id_of_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(IMAGE)?.parse().ok()
}

/// Waits a random while, longer with each attempt.
pub(crate) async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..20 << attempt))).await;
}

/// Whether a write was refused by its condition alone.
pub(crate) fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("ConditionalCheckFailedException")
}

/// Whether a part of a transaction was refused by its condition, and what lies there instead.
pub(crate) fn refused(reason: &CancellationReason) -> Option<Option<&Item>> {
    (reason.code() == Some("ConditionalCheckFailed")).then(|| reason.item())
}

pub(crate) fn timestamp(time: Timestamp) -> AttributeValue {
    string(time.to_string())
}

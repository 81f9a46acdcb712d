//! Images whose upload has arrived, but was not developed in time: `workers-find-uploads` finds them, and an image that
//! has expired gets a new deadline.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Image, ImageId, Status, Timestamp, UserId};

use crate::{
    OwnedImage,
    account::not_deleted,
    dynamodb::{
        condition::{between, eq, exists, is_in, not_exists},
        keys::{
            Item, SHARDS, image_item, image_key, number, owner, profile_key, read, refund_key, set_key,
            shard, string,
        },
        records::Records,
        transactions::refused,
        update::Update,
    },
    sets::slots::slot_path,
};

/// Where the next page of the search begins.
#[derive(Clone, Debug)]
pub struct SearchPosition {
    shard: u8,
    start: Option<Item>,
}

impl Records {
    /// The images that were created in this time, up to and including `before`, and that are pending or processing.
    /// They may have expired. An index answers, which may lag behind the table.
    ///
    /// Begins at `position`, or at the first image. The second value is where the next page begins, if there is one. An
    /// item that cannot be read is an error in the list.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn unfinished_images(
        &self,
        (from, before): (Timestamp, Timestamp),
        position: Option<SearchPosition>,
    ) -> Result<(Vec<Result<OwnedImage, CallError>>, Option<SearchPosition>), CallError> {
        let position = position.unwrap_or(SearchPosition { shard: 0, start: None });
        let first = |time| string(ImageId::first_at(time).to_string());
        let keys = eq("shard", shard(position.shard)).and(between("id", first(from), first(before)));
        let unfinished = [Status::Pending, Status::Processing].map(|status| string(status.as_str()));
        let answer = self
            .query(keys, Some(is_in("status", unfinished)))?
            .index_name("by_time")
            .set_exclusive_start_key(position.start)
            .send()
            .await?;
        let images = answer.items.unwrap_or_default().into_iter().map(|item| {
            let user = owner(&item)?;
            Ok(OwnedImage { user, image: read(item)? })
        });
        let images = images.collect();
        let next = match answer.last_evaluated_key {
            Some(start) => Some(SearchPosition { start: Some(start), ..position }),
            None => Some(SearchPosition { shard: position.shard + 1, start: None })
                .filter(|next| next.shard < SHARDS),
        };
        Ok((images, next))
    }

    /// Gives an expired image, or an expired replacement, another day, because its upload has arrived. Clients see the
    /// image again. If its slot contains another image by now, the image no longer belongs to the set.
    ///
    /// Returns `false` if the image has changed since it was read.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn renew(&self, user: &UserId, image: &Image, now: Timestamp) -> Result<bool, CallError> {
        let deadline = number(now.as_second() + Image::PENDING_SECONDS);
        let update = || {
            let update = Update::new(image_key(user, image.id))
                .when(exists("pk").and(eq("version", number(image.version))))
                .when(eq("status", string(Status::Pending.as_str())));
            let attribute = if image.expires_at.is_some() { "expires_at" } else { "replace_by" };
            update.set(attribute, deadline.clone())
        };
        if let Some(check) = self.check_slot(user, image)? {
            let items = vec![update().in_transaction(self)?, check];
            match self.transact(items).await? {
                None => return Ok(true),
                Some(reasons) if reasons.first().and_then(refused).is_some() => return Ok(false),
                Some(_) => {}
            }
        }
        let items = vec![update().remove("set").in_transaction(self)?];
        Ok(self.transact(items).await?.is_none())
    }

    /// Puts back an image that DynamoDB has deleted at its deadline, with another day, because its upload has arrived.
    /// If its slot contains another image by now, the image no longer belongs to the set.
    ///
    /// Returns whether the image exists afterwards. It does not if `workers-stream` has already cleaned up after it, or
    /// if the account of its owner was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_back(&self, user: &UserId, image: &Image, now: Timestamp) -> Result<bool, CallError> {
        let mut image = image.clone();
        image.expires_at = Some(now.as_second() + Image::PENDING_SECONDS);
        loop {
            let mut items = vec![
                self.put_new(image_item(user, &image)?)?,
                self.check(refund_key(user, image.id), not_exists("pk"))?,
                self.check(profile_key(user), exists("tier").and(not_deleted()))?,
            ];
            items.extend(self.check_slot(user, &image)?);
            items.push(self.put_words(user, &image)?);
            let Some(reasons) = self.transact(items).await? else { return Ok(true) };
            let is_refused = |item: usize| reasons.get(item).and_then(refused).is_some();
            if is_refused(0) {
                return Ok(true);
            }
            if is_refused(1) || is_refused(2) || image.set.is_none() {
                return Ok(false);
            }
            image.set = None;
        }
    }

    /// Whether `workers-stream` has cleaned up after this image, which does not exist any more. Nobody puts back an
    /// image of a deleted account, so there is nothing to wait for either.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn is_cleaned_up(&self, user: &UserId, id: ImageId) -> Result<bool, CallError> {
        let marker = self.get::<serde::de::IgnoredAny>(refund_key(user, id));
        let (marker, is_deleted) = tokio::try_join!(marker, self.is_account_deleted(user))?;
        Ok(marker.is_some() || is_deleted)
    }

    /// The item of a transaction that checks that the image's slot contains the image. `None` if it has no slot.
    pub(crate) fn check_slot(
        &self,
        user: &UserId,
        image: &Image,
    ) -> Result<Option<TransactWriteItem>, CallError> {
        let Some(place) = image.set else { return Ok(None) };
        let slot = slot_path(place.image_type);
        self.check(set_key(user, place.id), eq(slot, string(image.id.to_string()))).map(Some)
    }
}

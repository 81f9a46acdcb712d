//! The trash of a user.
//!
//! An image in the trash keeps its item, its files, its links and its place in a set, and counts against the quota. The
//! attribute `trash` hides it from requests. Workers do not look at this attribute, so an upload or a job that began
//! before goes on.
//!
//! A second item, `TRASH#<image id>`, lists the image, so that the list of the trash reads no other images. This item
//! expires when the image must be deleted: then the stream lets `workers-stream` delete the image.

use std::collections::HashMap;
use std::time::Instant;

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Image, ImageId, Order, Timestamp, Trash, UserId};
use futures_util::future::try_join_all;

use super::filter::not_expired;
use crate::dynamodb::{
    condition::{begins_with, eq, exists, gt, le, not_exists},
    keys::{
        TRASH, image_key, image_of_trash_key, number, read, string, timestamp, trash_key, user_pk, value,
    },
    records::{Page, Records, is_condition},
    transactions::refused,
    update::Update,
};

/// The result of [`Records::empty_trash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptiedTrash {
    /// The number of images that this call deleted.
    pub deleted: usize,
    /// Whether the trash is empty now. If not, another call deletes more.
    pub is_empty: bool,
}

impl Records {
    /// The number of images that one call of [`Records::empty_trash`] deletes at most. Each deletion costs about eight
    /// write units, and a partition of the table accepts 1,000 in a second (Amazon DynamoDB Developer Guide, "Designing
    /// partition keys to distribute your workload").
    pub const EMPTIED_AT_ONCE: usize = 200;

    /// Deletes an image as its tier says: with a trash, an image that has a picture moves there. Without one, and before
    /// the first picture is ready, the image is deleted. Returns whether the image existed outside of the trash.
    ///
    /// Two calls. More if the first picture becomes ready at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn discard_image(&self, user: &UserId, id: ImageId, now: Timestamp) -> Result<bool, CallError> {
        // The first picture may become ready at the same time.
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let Some((image, profile)) = self.image_and_profile(user, id, now).await? else {
                return Ok(false);
            };
            let days = profile.limits.trash_days;
            let is_discarded = if days == 0 {
                return self.delete_image(user, id, now).await;
            } else if image.picture.is_none() {
                self.delete_image_when(user, id, not_exists("picture").and(not_expired(now))).await?
            } else {
                let items = self.move_to_trash(user, id, false, &Trash::for_days(days, now), now)?;
                self.transact(items.to_vec()).await?.is_none()
            };
            if is_discarded {
                return Ok(true);
            }
        }
        Err(CallError::Unavailable("the image keeps changing".into()))
    }

    /// The items of a transaction that moves an image with a picture to the trash. With `leaves_set`, it loses its place
    /// in its set.
    pub(crate) fn move_to_trash(
        &self,
        user: &UserId,
        id: ImageId,
        leaves_set: bool,
        trash: &Trash,
        now: Timestamp,
    ) -> Result<[TransactWriteItem; 2], CallError> {
        let mut update = Update::new(image_key(user, id))
            .set("trash", value(trash)?)
            .set("updated_at", timestamp(now))
            .when(exists("picture").and(not_exists("trash")));
        if leaves_set {
            update = update.remove("set");
        }
        let mut listed = trash_key(user, id);
        listed.insert("expires_at".to_owned(), number(trash.until));
        Ok([update.in_transaction(self)?, self.put_in_transaction(listed, None)?])
    }

    /// Takes an image out of the trash. It gets its place in its set back, unless the slot contains another image by now
    /// or the set was deleted. Returns the image. `None` if it does not exist or its time in the trash is over.
    ///
    /// An image outside of the trash stays as it is: an earlier request may have restored it, and failed afterwards.
    ///
    /// Two calls. Three if the image has lost its place.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn restore_image(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        // A worker or another request may change the image at the same time.
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let Some(stored) = self.stored_image(user, id).await? else { return Ok(None) };
            if stored.trash.is_none() {
                return Ok(stored.unless_hidden(now));
            }
            let Some(mut image) = stored.if_in_trash(now) else { return Ok(None) };
            let until = image.trash.take().map_or(0, |trash| trash.until);
            image.updated_at = now;
            let update = || {
                let is_same = eq("trash.until", number(until));
                Update::new(image_key(user, id))
                    .remove("trash")
                    .set("updated_at", timestamp(now))
                    .when(is_same)
            };
            let unlist = || self.delete_if_it_exists(trash_key(user, id));
            if let Some(check) = self.check_slot(user, &image)? {
                match self.transact(vec![update().in_transaction(self)?, unlist()?, check]).await? {
                    None => return Ok(Some(image)),
                    Some(reasons) if reasons.first().and_then(refused).is_some() => continue,
                    Some(_) => image.set = None,
                }
            }
            let items = vec![update().remove("set").in_transaction(self)?, unlist()?];
            if self.transact(items).await?.is_none() {
                return Ok(Some(image));
            }
        }
        Err(CallError::Unavailable("the image keeps changing".into()))
    }

    /// The images in the trash in the order of their creation, beginning after `after`. A page can be short although more
    /// images follow. `next` shows whether more follow.
    ///
    /// Two calls.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn trashed_images(
        &self,
        user: &UserId,
        order: Order,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Image, ImageId>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(TRASH)));
        let answer = self
            .query(keys, Some(gt("expires_at", number(now.as_second()))))?
            .scan_index_forward(order == Order::Ascending)
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|id| trash_key(user, id)))
            // One more than the page needs, to know whether more follow.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .send()
            .await?;
        let ids = answer.items.unwrap_or_default();
        let ids: Vec<ImageId> = ids.iter().filter_map(image_of_trash_key).collect();
        let after = answer.last_evaluated_key.as_ref().and_then(image_of_trash_key);
        let Page { items: ids, next } = Page::new(ids, limit, |id| *id, after);
        let stored = self.batch(ids.iter().map(|id| image_key(user, *id)).collect()).await?;
        let stored = stored.into_iter().map(read::<Image>).collect::<Result<Vec<_>, _>>()?;
        let mut images: HashMap<ImageId, Image> =
            stored.into_iter().filter_map(|image| Some((image.id, image.if_in_trash(now)?))).collect();
        Ok(Page { items: ids.iter().filter_map(|id| images.remove(id)).collect(), next })
    }

    /// Deletes images in the trash, at most [`Records::EMPTIED_AT_ONCE`]. Begins nothing after `until`. `workers-stream`
    /// then deletes the files, empties the slots and refunds the quota.
    ///
    /// An image that its owner restores at the same time is either restored or deleted, as whichever write comes first.
    ///
    /// # Errors
    /// [`CallError`]. A repeated call continues with the remaining images.
    pub async fn empty_trash(&self, user: &UserId, until: Instant) -> Result<EmptiedTrash, CallError> {
        const CONCURRENCY: usize = 16;
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(TRASH)));
        let limit = i32::try_from(Self::EMPTIED_AT_ONCE).unwrap_or(i32::MAX);
        let answer = self.query(keys, None)?.consistent_read(true).limit(limit).send().await?;
        let ids = answer.items.unwrap_or_default();
        let ids: Vec<ImageId> = ids.iter().filter_map(image_of_trash_key).collect();
        let mut deleted = 0;
        for chunk in ids.chunks(CONCURRENCY) {
            if Instant::now() >= until {
                return Ok(EmptiedTrash { deleted, is_empty: false });
            }
            let results = try_join_all(chunk.iter().map(|id| self.delete_trashed(user, *id))).await?;
            deleted += results.into_iter().filter(|is_deleted| *is_deleted).count();
        }
        Ok(EmptiedTrash { deleted, is_empty: answer.last_evaluated_key.is_none() })
    }

    async fn delete_trashed(&self, user: &UserId, id: ImageId) -> Result<bool, CallError> {
        let delete = self.delete_in_transaction(image_key(user, id), exists("trash"))?;
        let items = vec![delete, self.delete_if_it_exists(trash_key(user, id))?];
        if self.transact(items).await?.is_none() {
            return Ok(true);
        }
        self.unlist_trashed(user, id).await?;
        Ok(false)
    }

    /// Deletes the item that lists an image in the trash, if the image is not there any more.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn unlist_trashed(&self, user: &UserId, id: ImageId) -> Result<(), CallError> {
        let is_elsewhere = self.check(image_key(user, id), not_exists("trash"))?;
        let items = vec![is_elsewhere, self.delete_if_it_exists(trash_key(user, id))?];
        self.transact(items).await.map(drop)
    }

    /// Deletes an image whose time in the trash is over. Does nothing if it was restored. Returns whether it was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn expire_trashed(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let is_over = le("trash.until", number(now.as_second()));
        match self.delete_when(image_key(user, id), is_over)?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

//! Reads and lists a user's images.

use std::collections::BTreeSet;

use aws::CallError;
use domain::{Image, ImageId, Order, PhoneNumber, Profile, Status, Timestamp, UserId};

use super::{
    filter::{is_shown, status_is},
    taken::LOOKED_AT,
};
use crate::dynamodb::{
    condition::{begins_with, eq},
    keys::{IMAGE, image_key, image_of_key, phone_image, phone_images, read, string, user_pk},
    records::{Page, Records},
};

impl Records {
    /// An image of a user. `None` if it does not exist, has expired or is in the trash.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        Ok(self.stored_image(user, id).await?.and_then(|image| image.unless_hidden(now)))
    }

    /// An image of a user, which may be in the trash. `None` if it does not exist or has expired. Workers use this: their
    /// work goes on while an image is in the trash.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image_or_trashed(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        Ok(self.stored_image(user, id).await?.and_then(|image| image.unless_expired(now)))
    }

    /// An image as it is stored. It may have expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn stored_image(&self, user: &UserId, id: ImageId) -> Result<Option<Image>, CallError> {
        self.get(image_key(user, id)).await
    }

    /// An image of a user and the user's profile. Both are read at the same time.
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

    /// A user's images in the order of their creation, beginning after `after`.
    ///
    /// With a status, at most two megabytes of items are read. Without one, at most 500 images are looked at if others of
    /// them are in the trash. Therefore a page can be short or empty although more images follow. `next` shows whether
    /// more follow.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images(
        &self,
        user: &UserId,
        status: Option<Status>,
        order: Order,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Image, ImageId>, CallError> {
        const ROUNDS: usize = 2;
        let mut images: Vec<Image> = Vec::with_capacity(limit);
        let mut start = after.map(|id| image_key(user, id));
        for round in 0..ROUNDS {
            let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(IMAGE)));
            let filter = match status {
                Some(status) => is_shown(now).and(status_is(status, now)),
                None => is_shown(now),
            };
            let mut query = self
                .query(keys, Some(filter))?
                .scan_index_forward(order == Order::Ascending)
                .consistent_read(true)
                .set_exclusive_start_key(start);
            if status.is_none() {
                // One more than the page needs, to know whether more follow. If some of them are hidden, many may be.
                let count = if round == 0 { limit + 1 } else { LOOKED_AT };
                query = query.limit(i32::try_from(count).unwrap_or(i32::MAX));
            }
            let answer = query.send().await?;
            for item in answer.items.unwrap_or_default() {
                images.extend(read::<Image>(item)?.unless_hidden(now));
            }
            start = answer.last_evaluated_key;
            if images.len() > limit || start.is_none() {
                break;
            }
        }
        Ok(Page::new(images, limit, |image| image.id, start.as_ref().and_then(image_of_key)))
    }

    /// A user's images for a phone number, newest first, beginning after `after`. A page can be short although more
    /// images follow. `next` shows whether more follow.
    ///
    /// An index answers, which may lag behind the table. Its partition key is the user's, so it reads no other user's
    /// images.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images_of_phone(
        &self,
        user: &UserId,
        number: &PhoneNumber,
        after: Option<ImageId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Image, ImageId>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("phone_image", string(phone_images(number))));
        let start = after.map(|id| {
            let mut key = image_key(user, id);
            key.insert("phone_image".to_owned(), phone_image(number, id));
            key
        });
        let answer = self
            .query(keys, Some(is_shown(now)))?
            .index_name("by_user_phone_number")
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            // One more than the page needs, to know whether more follow.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .send()
            .await?;
        let mut images = Vec::with_capacity(limit);
        for item in answer.items.unwrap_or_default() {
            images.extend(read::<Image>(item)?.unless_hidden(now));
        }
        let after = answer.last_evaluated_key.as_ref().and_then(image_of_key);
        Ok(Page::new(images, limit, |image| image.id, after))
    }

    /// The images of a user with these ids, without those that do not exist, have expired or are in the trash.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn images_by_id(
        &self,
        user: &UserId,
        ids: impl IntoIterator<Item = ImageId>,
        now: Timestamp,
    ) -> Result<Vec<Image>, CallError> {
        // DynamoDB refuses a key that occurs twice (BatchGetItem, "Keys"). An index that lags can name an image twice.
        let ids: BTreeSet<ImageId> = ids.into_iter().collect();
        let items = self.batch(ids.into_iter().map(|id| image_key(user, id)).collect()).await?;
        let images = items.into_iter().map(read::<Image>).collect::<Result<Vec<_>, _>>()?;
        Ok(images.into_iter().filter_map(|image| image.unless_hidden(now)).collect())
    }
}

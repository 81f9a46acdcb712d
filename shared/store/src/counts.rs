//! Counts a user's things.

use aws::CallError;
use aws_sdk_dynamodb::types::Select;
use domain::{Image, ImageId, Profile, Status, Timestamp, UserId};

use crate::dynamodb::{
    condition::{Condition, begins_with, between, eq, gt, not_exists},
    keys::{IMAGE, Item, LINK, SET, UPLOAD_LINK, image_key, number, string, user_pk},
    records::Records,
};

impl Records {
    /// A user's profile with current counts, for the user to see. Without a profile, the tier of new users.
    ///
    /// Two calls in sequence until the user has created a set, then one.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn counted_profile(&self, user: &UserId, now: Timestamp) -> Result<Profile, CallError> {
        let (mut profile, pending_uploads, links) = tokio::try_join!(
            self.profile_or_default(user),
            self.count_pending_uploads(user, now),
            self.count_links(user, now),
        )?;
        let usage = &mut profile.usage;
        (usage.pending_uploads_at_most, usage.links_at_most) = (Some(pending_uploads), Some(links));
        if usage.sets.is_none() {
            usage.sets = Some(self.count_sets(user).await?);
        }
        Ok(profile)
    }

    /// The number of new images that wait for the upload of a client. They are not older than the deadline of an upload.
    pub(crate) async fn count_pending_uploads(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<u64, CallError> {
        let oldest = now.as_second() - Image::PENDING_SECONDS;
        let oldest = ImageId::first_at(Timestamp::from_second(oldest).map_err(CallError::internal)?);
        let sort_key = |key: Item| key.get("sk").cloned().unwrap_or_else(|| string(IMAGE));
        // "z" is greater than all ids.
        let keys = between("sk", sort_key(image_key(user, oldest)), string(format!("{IMAGE}z")));
        let waits = eq("status", string(Status::Pending.as_str()))
            .and(gt("expires_at", number(now.as_second())))
            .and(not_exists("source_image_id"));
        self.count(user, keys, Some(waits)).await
    }

    pub(crate) async fn count_links(&self, user: &UserId, now: Timestamp) -> Result<u64, CallError> {
        let works = gt("expires_at", number(now.as_second()));
        self.count(user, begins_with("sk", string(LINK)), Some(works)).await
    }

    pub(crate) async fn count_upload_links(&self, user: &UserId, now: Timestamp) -> Result<u64, CallError> {
        let works = gt("expires_at", number(now.as_second()));
        self.count(user, begins_with("sk", string(UPLOAD_LINK)), Some(works)).await
    }

    pub(crate) async fn count_sets(&self, user: &UserId) -> Result<u64, CallError> {
        self.count(user, begins_with("sk", string(SET)), None).await
    }

    /// The number of a user's items that meet conditions.
    async fn count(
        &self,
        user: &UserId,
        keys: Condition,
        filter: Option<Condition>,
    ) -> Result<u64, CallError> {
        let query = self.query(eq("pk", user_pk(user)).and(keys), filter)?;
        let query = query.select(Select::Count).consistent_read(true);
        let (mut count, mut start) = (0, None);
        loop {
            // One request reads one megabyte (Query, "LastEvaluatedKey").
            let answer = query.clone().set_exclusive_start_key(start).send().await?;
            count += u64::try_from(answer.count).unwrap_or_default();
            if answer.last_evaluated_key.is_none() {
                return Ok(count);
            }
            start = answer.last_evaluated_key;
        }
    }
}

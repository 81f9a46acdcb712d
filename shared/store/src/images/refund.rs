//! What `workers-stream` writes about images that were deleted.

use std::collections::HashSet;

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Image, ImageId, Job, JobId, Status, Task, Timestamp, UserId};

use super::filter::not_expired;
use crate::{
    dynamodb::{
        condition::exists,
        keys::{image_key, number, profile_key, refund_key},
        records::{Records, is_condition},
        transactions::refused,
        update::Update,
    },
    jobs::finish::awaits_edit,
};

/// What a deleted image leaves to be written.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The deleted image.
    pub image: ImageId,
    /// The bytes that the image counted against the quota.
    pub bytes: u64,
    /// The job that deletes the image's copy in Dropbox, if there is one.
    pub task: Option<Task>,
    /// Whether a client may still have a presigned upload that works, or a worker may have left a rendition. Then
    /// `workers-stream` looks for a late file when the marker expires.
    pub late_file: bool,
}

impl Refund {
    /// What this image leaves, if it is deleted at the time `now`.
    #[must_use]
    pub fn of(image: &Image, now: Timestamp) -> Self {
        let task = image.dropbox_copy.as_ref().map(domain::DropboxCopy::delete_task);
        // A presigned upload works for 15 minutes, and S3 may be slow to accept the file.
        let is_recent = now.as_second() - image.updated_at.as_second() < 60 * 60;
        // A worker that dies after it has stored a rendition does not delete it.
        let late_file = image.status == Status::Pending || is_recent || image.may_have_renditions();
        Self { image: image.id, bytes: image.quota_bytes(), task, late_file }
    }
}

impl Records {
    /// The largest number of images that one transaction refunds. Each needs two items, its marker and its job, and a
    /// transaction has at most 100 items ("TransactWriteItems", Amazon DynamoDB API Reference).
    pub const REFUNDS_AT_ONCE: usize = 45;

    /// Subtracts deleted images of one user from the usage and enqueues their jobs, in one transaction. Images that were
    /// refunded before are left out, so a repeated call changes nothing. `refunds` contains at most
    /// [`Records::REFUNDS_AT_ONCE`] images.
    ///
    /// If the account was deleted, there is no usage any more. Then only the jobs are enqueued, and nothing is left that
    /// would have to expire: a second job for the same copy in Dropbox does no harm.
    ///
    /// # Errors
    /// [`CallError`]. Nothing is written then.
    pub async fn refund_quota(
        &self,
        user: &UserId,
        refunds: &[Refund],
        now: Timestamp,
    ) -> Result<(), CallError> {
        let mut seen = HashSet::new();
        let mut due: Vec<&Refund> = refunds.iter().filter(|refund| seen.insert(refund.image)).collect();
        let mut has_profile = true;
        while !due.is_empty() {
            let items = self.refund_items(user, &due, has_profile, now)?;
            if items.is_empty() {
                return Ok(());
            }
            let Some(reasons) = self.transact(items).await? else { return Ok(()) };
            let is_refused = |index: usize| reasons.get(index).and_then(refused).is_some();
            // The markers are the first items, and the profile's update follows them.
            let profile_is_missing = has_profile && is_refused(due.len());
            let before = due.len();
            if has_profile {
                let mut index = 0..;
                due.retain(|_| !index.next().is_some_and(is_refused));
            }
            if due.len() == before && !profile_is_missing {
                return Err(CallError::internal("DynamoDB refused a refund without a reason"));
            }
            has_profile &= !profile_is_missing;
        }
        Ok(())
    }

    /// The items of a transaction: the markers, the update of the usage, and the jobs. Without a profile, only the jobs.
    fn refund_items(
        &self,
        user: &UserId,
        refunds: &[&Refund],
        has_profile: bool,
        now: Timestamp,
    ) -> Result<Vec<aws_sdk_dynamodb::types::TransactWriteItem>, CallError> {
        // Longer than a stream keeps its records (24 hours) and a queue keeps its messages (14 days).
        const MARKER_SECONDS: i64 = 15 * 24 * 60 * 60;
        let mut items = Vec::with_capacity(2 * refunds.len() + 1);
        for refund in refunds.iter().filter(|_| has_profile) {
            let mut marker = refund_key(user, refund.image);
            marker.insert("expires_at".to_owned(), number(now.as_second() + MARKER_SECONDS));
            if refund.late_file {
                // template.yaml filters the stream by this attribute.
                marker.insert("late_file".to_owned(), AttributeValue::Bool(true));
            }
            items.push(self.put_new(marker)?);
        }
        if has_profile {
            let bytes: i128 = refunds.iter().map(|refund| i128::from(refund.bytes)).sum();
            let count = i128::try_from(refunds.len()).map_err(CallError::internal)?;
            let usage = Update::new(profile_key(user)).add("images", -count).add("bytes", -bytes);
            items.push(usage.when(exists("images")).in_transaction(self)?);
        }
        for task in refunds.iter().filter_map(|refund| refund.task.clone()) {
            items.push(self.put_job(user, &Job::new(JobId::generate(), task))?);
        }
        Ok(items)
    }

    /// Deletes the item of an edit that still waits for its file. Does nothing if the owner has replaced the edit by a
    /// file of his own, or if the edit has failed.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_waiting_edit(
        &self,
        user: &UserId,
        edit: ImageId,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let waits = exists("pk").and(not_expired(now)).and(awaits_edit());
        match self.delete_when(image_key(user, edit), waits)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

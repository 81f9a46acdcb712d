//! Ends jobs and stores their results.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{
    Analysis, ContentType, DropboxCopy, Failure, Image, ImageId, Job, JobId, Status, Task, Timestamp,
    UploadSize, UserId,
};

use super::claim::holds_job;
use crate::{
    dynamodb::{
        condition::{Condition, eq, exists},
        keys::{image_key, job_key, number, profile_key, string, timestamp, value},
        records::Records,
        transactions::refused,
        update::{Update, difference},
    },
    images::words::analysis_words,
};

/// The result of a write that ends a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The result was written and the job was deleted.
    Done,
    /// Not written: the image no longer waits for this job. The job still exists.
    NotNeeded,
    /// Not written: another worker has taken over the job.
    LeaseLost,
}

impl Records {
    /// Ends a claimed job without a result. Does nothing if another worker has taken over the job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn end_job(&self, user: &UserId, id: JobId, owner: &str) -> Result<(), CallError> {
        self.transact(vec![self.delete_job(user, id, owner)?]).await.map(drop)
    }

    /// Ends a claimed job and stores the result of an analysis.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_analysis(
        &self,
        user: &UserId,
        image: ImageId,
        owner: &str,
        analysis: &Analysis,
        now: Timestamp,
    ) -> Result<JobOutcome, CallError> {
        let update = Update::new(image_key(user, image))
            .set("analysis", value(analysis)?)
            .set("updated_at", timestamp(now))
            .when(eq("analysis.job", string(analysis.job.to_string())));
        let words = analysis_words(user, image, analysis).in_transaction(self)?;
        self.finish_job_with(user, analysis.job, owner, update, Some(words)).await
    }

    /// Ends a claimed job and stores the result of a copy to Dropbox.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_dropbox_copy(
        &self,
        user: &UserId,
        image: ImageId,
        owner: &str,
        dropbox_copy: &DropboxCopy,
        now: Timestamp,
    ) -> Result<JobOutcome, CallError> {
        let update = Update::new(image_key(user, image))
            .set("dropbox_copy", value(dropbox_copy)?)
            .set("updated_at", timestamp(now))
            .when(eq("dropbox_copy.job", string(dropbox_copy.job.to_string())));
        self.finish_job(user, dropbox_copy.job, owner, update).await
    }

    /// Ends a claimed job and enqueues another one. Does nothing if another worker has taken over the job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_and_enqueue(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        task: Task,
    ) -> Result<(), CallError> {
        let next = Job::new(JobId::generate(), task);
        self.transact(vec![self.delete_job(user, id, owner)?, self.put_job(user, &next)?]).await.map(drop)
    }

    /// Ends a claimed job and stores the failure of an edit.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_failed_edit(
        &self,
        user: &UserId,
        (id, image): (JobId, ImageId),
        owner: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<JobOutcome, CallError> {
        let update = Update::new(image_key(user, image))
            .set("status", string(Status::Failed.as_str()))
            .set("failure", value(failure)?)
            .set("updated_at", timestamp(now))
            .remove("expires_at")
            .when(awaits_edit());
        self.finish_job(user, id, owner, update).await
    }

    /// Stores the media type and size of the file that an edit will get, and counts the size against the quota. Returns
    /// whether the edit still waits for its file.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn declare_edit(
        &self,
        user: &UserId,
        edit: &Image,
        content_type: ContentType,
        size: UploadSize,
    ) -> Result<bool, CallError> {
        let image = Update::new(image_key(user, edit.id))
            .set("content_type", string(content_type.as_str()))
            .set("size", number(size.bytes()))
            .when(awaits_edit())
            .when(eq("size", number(edit.upload.size.bytes())));
        let usage = Update::new(profile_key(user))
            .add("bytes", difference(edit.upload.size.bytes(), size.bytes()))
            .when(exists("bytes"));
        let items = vec![image.in_transaction(self)?, usage.in_transaction(self)?];
        Ok(self.transact(items).await?.is_none())
    }

    /// Deletes a claimed job and stores its result, both or neither.
    pub(crate) async fn finish_job(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        result: Update,
    ) -> Result<JobOutcome, CallError> {
        self.finish_job_with(user, id, owner, result, None).await
    }

    /// Does the same as [`Records::finish_job`], with one more item in the transaction.
    async fn finish_job_with(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        result: Update,
        more: Option<TransactWriteItem>,
    ) -> Result<JobOutcome, CallError> {
        let mut items = vec![self.delete_job(user, id, owner)?, result.in_transaction(self)?];
        items.extend(more);
        let Some(reasons) = self.transact(items).await? else { return Ok(JobOutcome::Done) };
        let is_lost = reasons.first().and_then(refused).is_some();
        Ok(if is_lost { JobOutcome::LeaseLost } else { JobOutcome::NotNeeded })
    }

    /// The item of a transaction that deletes a claimed job.
    fn delete_job(&self, user: &UserId, id: JobId, owner: &str) -> Result<TransactWriteItem, CallError> {
        self.delete_in_transaction(job_key(user, id), holds_job(owner))
    }
}

/// The image still waits for the file of an edit.
pub(crate) fn awaits_edit() -> Condition {
    eq("status", string(Status::Pending.as_str())).and(eq("version", number(1)))
}

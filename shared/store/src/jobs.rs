//! Creates, claims, postpones and ends jobs.
//!
//! A job is an item under its owner's key. It exists until the job has ended. A worker claims it with a lease. Therefore
//! a message that is delivered twice does no work twice, and another worker takes over the job of a crashed worker when
//! the lease has expired. The result of a job is written in the transaction that deletes the job.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, TransactWriteItem};
use domain::{
    Analysis, ContentType, DropboxCopy, Failure, Image, ImageId, Job, JobId, Lease, Progress, Prompt, Status,
    Task, Tier, Timestamp, UploadSize, UserId,
};

use crate::{
    dynamodb::{
        condition::{Condition, eq, exists, le, lt, ne, not_exists},
        keys::{image_key, item, job_key, number, profile_key, read, string, timestamp, value},
        records::{Records, is_condition, refused_update, updated},
        transactions::{TransactItemKind, refused},
        update::{Update, difference},
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::{create::CreateError, update::Change},
};

/// The result of a claim of a job.
#[derive(Debug)]
pub enum JobClaim {
    /// The worker holds the claim.
    Taken(Box<Job>),
    /// Another worker holds the claim, or the job was postponed. Retry at this time, in seconds since 1970.
    NotBefore(i64),
    /// The job has ended.
    Ended,
}

/// The result of a write that ends a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The result was written and the job was deleted.
    Done,
    /// Not written: the image no longer waits for this job. The job still exists.
    VersionObsolete,
    /// Not written: another worker has taken over the job.
    Lost,
}

/// Why an analysis was not requested.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The image does not exist.
    #[error("the image does not exist")]
    NotFound,
    /// The image has no picture yet.
    #[error("the image is not ready")]
    NotReady(Status),
    /// An analysis of the image has not ended yet.
    #[error("an analysis of the image has not ended yet")]
    UnderWay,
    /// The tier does not include AI.
    #[error("the tier does not include AI")]
    AiNotInTier(Box<Tier>),
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// Requests an analysis of an image's picture. Returns the image after the request.
    ///
    /// Two calls.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn ask_for_analysis(
        &self,
        user: &UserId,
        id: ImageId,
        prompt: Option<Prompt>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Image, AskError> {
        use TransactItemKind as Kind;
        let found = self.image_and_profile(user, id, now).await?;
        let (mut image, profile) = found.ok_or(AskError::NotFound)?;
        if !profile.limits.ai {
            return Err(AskError::AiNotInTier(Box::new(profile.limits)));
        }
        let picture = image.picture.as_ref().ok_or(AskError::NotReady(image.status))?;
        let version = picture.version;
        let analysis = Analysis::queued(prompt.clone(), false, now);
        let job = Job::new(analysis.job, Task::Analyze { image: id, version, prompt });
        let has_ended = not_exists("analysis")
            .or(ne("analysis.status", string(Progress::Queued.as_str())))
            .or(lt("analysis.overdue_at", number(now.as_second())));
        let update = Update::new(image_key(user, id))
            .set("analysis", value(&analysis)?)
            .set("updated_at", timestamp(now))
            .when(exists("picture").and(has_ended));
        (image.analysis, image.updated_at) = (Some(analysis), now);
        let mut items =
            vec![(Kind::Source, update.in_transaction(self)?), (Kind::New, self.put_job(user, &job)?)];
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, &image, now)?));
        }
        match self.transact_kinds(items).await? {
            None => Ok(image),
            Some((Kind::IdempotencyKey, stored)) => read_answer(stored, key)?.ok_or(AskError::KeyReused),
            Some((_, Some(_))) => Err(AskError::UnderWay),
            Some((_, None)) => Err(AskError::NotFound),
        }
    }

    /// Requests an edit of an image's picture. Creates a new image for the result, which counts against the quota from
    /// now on. The source's name and texts change in the same transaction. Returns the source and the edit.
    ///
    /// If the first upload of the source has not been processed yet, the edit begins after that.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CreateError`]. [`CreateError::SourceChanged`] also if the source was deleted.
    pub async fn edit_image(
        &self,
        user: &UserId,
        source: &Image,
        prompt: Prompt,
        change: &Change,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<(Image, Image), CreateError> {
        let edit = Image::edit_of(source, prompt.clone(), now);
        let mut items = Vec::with_capacity(2);
        let mut update = Update::new(image_key(user, source.id))
            .set("edit_prompt", value(&prompt)?)
            .set("edit_image_id", string(edit.id.to_string()));
        match &source.picture {
            Some(picture) => {
                let (prompt, version) = (prompt.clone(), picture.version);
                let task = Task::Edit { source: source.id, version, image: edit.id, prompt };
                items.push((TransactItemKind::New, self.put_job(user, &Job::new(JobId::generate(), task))?));
                update = update.when(eq("picture.version", number(version)));
            }
            // `workers-thumbnail` reads the deferred request when it has processed the upload. An image stores one.
            None => {
                update = update
                    .set("edit_deferred", AttributeValue::Bool(true))
                    .when(eq("status", string(Status::Pending.as_str())))
                    .when(eq("version", number(source.version)))
                    .when(not_exists("edit_deferred"));
            }
        }
        items.push((TransactItemKind::Source, change.add_to(update, now)?.in_transaction(self)?));
        let mut after = change.applied_to(source.clone(), now);
        (after.edit_prompt, after.edit_image_id) = (Some(prompt), Some(edit.id));
        after.edit_deferred = source.picture.is_none();
        match self.create_images_with(user, std::slice::from_ref(&edit), &items, key, now).await? {
            Created::New => Ok((after, edit)),
            Created::Replayed(edits) => {
                let edit = edits.into_iter().next();
                Ok((after, edit.ok_or_else(|| CallError::internal("the stored answer has no edit"))?))
            }
        }
    }

    /// The item of a transaction that puts a new job.
    pub(crate) fn put_job(&self, user: &UserId, job: &Job) -> Result<TransactWriteItem, CallError> {
        self.put_new(item(job_key(user, job.id), job)?)
    }

    /// Claims a job for `lease.owner`. Each claim counts as an attempt.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim_job(
        &self,
        user: &UserId,
        id: JobId,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<JobClaim, CallError> {
        let seconds = number(now.as_second());
        let update = Update::new(job_key(user, id))
            .set("lease", value(lease)?)
            .add("attempts", 1)
            .remove("not_before")
            .when(exists("pk"))
            .when(not_exists("lease").or(lt("lease.until", seconds.clone())))
            .when(not_exists("not_before").or(le("not_before", seconds)));
        let error = match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => return Ok(JobClaim::Taken(Box::new(updated(answer)?))),
            Err(error) => error,
        };
        let Some(item) = refused_update(error)? else { return Ok(JobClaim::Ended) };
        let job: Job = read(item)?;
        let leased = job.lease.map_or(0, |lease| lease.until + 1);
        Ok(JobClaim::NotBefore(leased.max(job.not_before.unwrap_or_default())))
    }

    /// Postpones a claimed job until `not_before`, in seconds since 1970. Does nothing if another worker has taken over
    /// the job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_job_back(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        not_before: i64,
    ) -> Result<(), CallError> {
        let update = Update::new(job_key(user, id)).set("not_before", number(not_before)).remove("lease");
        match update.when(holds_job(owner)).alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

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
    pub async fn settle_analysis(
        &self,
        user: &UserId,
        image: ImageId,
        owner: &str,
        analysis: &Analysis,
        now: Timestamp,
    ) -> Result<Settled, CallError> {
        let update = Update::new(image_key(user, image))
            .set("analysis", value(analysis)?)
            .set("updated_at", timestamp(now))
            .when(eq("analysis.job", string(analysis.job.to_string())));
        self.settle_job(user, analysis.job, owner, update).await
    }

    /// Ends a claimed job and stores the result of a copy to Dropbox.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn settle_dropbox_copy(
        &self,
        user: &UserId,
        image: ImageId,
        owner: &str,
        dropbox_copy: &DropboxCopy,
        now: Timestamp,
    ) -> Result<Settled, CallError> {
        let update = Update::new(image_key(user, image))
            .set("dropbox_copy", value(dropbox_copy)?)
            .set("updated_at", timestamp(now))
            .when(eq("dropbox_copy.job", string(dropbox_copy.job.to_string())));
        self.settle_job(user, dropbox_copy.job, owner, update).await
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

    /// Enqueues a job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn begin(&self, user: &UserId, task: Task) -> Result<(), CallError> {
        let job = Job::new(JobId::generate(), task);
        let item = item(job_key(user, job.id), job)?;
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Ends a claimed job and stores the failure of an edit.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn settle_failed_edit(
        &self,
        user: &UserId,
        (id, image): (JobId, ImageId),
        owner: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<Settled, CallError> {
        let update = Update::new(image_key(user, image))
            .set("status", string(Status::Failed.as_str()))
            .set("failure", value(failure)?)
            .set("updated_at", timestamp(now))
            .remove("expires_at")
            .when(awaits_edit());
        self.settle_job(user, id, owner, update).await
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
            .when(exists("pk"));
        let items = vec![image.in_transaction(self)?, usage.in_transaction(self)?];
        Ok(self.transact(items).await?.is_none())
    }

    /// Deletes a claimed job and stores its result, both or neither.
    async fn settle_job(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        result: Update,
    ) -> Result<Settled, CallError> {
        let items = vec![self.delete_job(user, id, owner)?, result.in_transaction(self)?];
        let Some(reasons) = self.transact(items).await? else { return Ok(Settled::Done) };
        let is_lost = reasons.first().and_then(refused).is_some();
        Ok(if is_lost { Settled::Lost } else { Settled::VersionObsolete })
    }

    /// The item of a transaction that deletes a claimed job.
    fn delete_job(&self, user: &UserId, id: JobId, owner: &str) -> Result<TransactWriteItem, CallError> {
        self.delete_in_transaction(job_key(user, id), holds_job(owner))
    }
}

/// The worker still holds the claim of a job.
fn holds_job(owner: &str) -> Condition {
    eq("lease.owner", string(owner))
}

/// The image still waits for the file of an edit.
fn awaits_edit() -> Condition {
    eq("status", string(Status::Pending.as_str())).and(eq("version", number(1)))
}

//! Jobs in the background: asked for, claimed, put back, ended.
//!
//! A job is an item under its owner's key. It is there until it has ended, and whoever works on it holds its
//! lease: so a message that comes twice finds nothing to do, and the job of a worker that crashed is taken over
//! when the lease has run out. What a job leads to is written in one transaction with its end.

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, TransactWriteItem},
};
use domain::{
    Analysis, ContentType, DropboxCopy, Failure, Image, ImageId, Job, JobId, Lease, Picture, Progress,
    Prompt, Status, Task, Tier, Timestamp, UploadSize, UserId,
};

use crate::{
    Change, CreateError, Made, Once, Records,
    change::{Parts, expression},
    create::{Part, read_answer},
    item::{Write, difference, image_key, item, job_key, number, profile_key, read, string, value},
    records::{is_condition, refused, timestamp},
};

/// The answer to a worker that wants to do a job.
#[derive(Debug)]
pub enum JobClaim {
    /// Go ahead.
    Taken(Box<Job>),
    /// Somebody is at it, or it is to be left alone for a while; come back at this time, in seconds since 1970.
    NotBefore(i64),
    /// There is no such job: it has ended.
    Ended,
}

/// What came of a worker's write at the end of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Written, and the job has ended.
    Done,
    /// Not written, since what the job was for is gone or has moved on. The job has not ended.
    VersionObsolete,
    /// Not written: another worker has taken the job over.
    Lost,
}

/// Why no analysis begins.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such image.
    #[error("there is no such image")]
    NotFound,
    /// It has no picture yet.
    #[error("the image is not ready")]
    NotReady(Status),
    /// An analysis of it is under way.
    #[error("an analysis is under way")]
    UnderWay,
    /// The tier has no AI.
    #[error("the tier has no AI")]
    AiNotInTier(Box<Tier>),
    /// The key came with another request before.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// Has the picture of an image analysed. Gives the image as it is then.
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
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<Image, AskError> {
        let found = self.image_and_profile(user, id, now).await?;
        let (mut image, profile) = found.ok_or(AskError::NotFound)?;
        if !profile.limits.ai {
            return Err(AskError::AiNotInTier(Box::new(profile.limits)));
        }
        let picture = image.picture.as_ref().ok_or(AskError::NotReady(image.status))?;
        let version = picture.version;
        let analysis = Analysis::queued(prompt.clone(), false, now);
        let job = Job::new(analysis.job, Task::Analyze { image: id, version, prompt });
        let update = "SET #analysis = :analysis, #updated_at = :time";
        let condition = "attribute_exists(#picture) AND (attribute_not_exists(#analysis) \
                         OR #analysis.#status <> :queued OR #analysis.#overdue_at < :now)";
        let write = Write::new(image_key(user, id), update, condition)
            .value(":analysis", value(&analysis)?)
            .value(":time", timestamp(now))
            .value(":queued", string(Progress::Queued.as_str()))
            .value(":now", number(now.as_second()));
        (image.analysis, image.updated_at) = (Some(analysis), now);
        let mut parts =
            vec![(Part::Source, write.in_transaction(self)?), (Part::Image, self.put_job(user, &job)?)];
        if let Some(once) = once {
            parts.push((Part::Once, self.remember(user, once, &image, now)?));
        }
        match self.write(parts).await? {
            None => Ok(image),
            Some((Part::Once, before)) => read_answer(before, once)?.ok_or(AskError::KeyReused),
            Some((_, Some(_))) => Err(AskError::UnderWay),
            Some((_, None)) => Err(AskError::NotFound),
        }
    }

    /// Has an edit made of an image's picture: a new image, counted now, which waits for the result. What is said
    /// of the source changes in the same transaction.
    ///
    /// An image whose first upload is awaited is edited as soon as it is ready.
    ///
    /// One call; two for a user without images, who has nothing to edit.
    ///
    /// # Errors
    /// [`CreateError`], of which [`CreateError::SourceChanged`] also where the source is gone.
    pub async fn edit_image(
        &self,
        user: &UserId,
        source: &Image,
        prompt: Prompt,
        change: &Change,
        once: Option<&Once>,
        now: Timestamp,
    ) -> Result<(Image, Image), CreateError> {
        let edit = Image::edit_of(source, prompt.clone(), now);
        let mut parts = Vec::with_capacity(2);
        let (update, condition) = match &source.picture {
            Some(Picture { version, .. }) => {
                let task = Task::Edit {
                    source: source.id,
                    version: *version,
                    image: edit.id,
                    prompt: prompt.clone(),
                };
                parts.push((Part::Image, self.put_job(user, &Job::new(JobId::generate(), task))?));
                ("#edit_prompt = :prompt, #edit_image_id = :edit", "#picture.#version = :version")
            }
            // Nobody has begun to develop it: who does will read this. One such edit at most.
            None => (
                "#edit_prompt = :prompt, #edit_image_id = :edit, #edit_deferred = :yes",
                "#status = :pending AND #version = :version AND attribute_not_exists(#edit_deferred)",
            ),
        };
        let sets = Parts { set: vec![update.to_owned()], remove: Vec::new() };
        let mut write = expression(image_key(user, source.id), sets, change, condition, now)?
            .value(":prompt", value(&prompt)?)
            .value(":edit", string(edit.id.to_string()))
            .value(":version", number(source.picture.as_ref().map_or(source.version, |it| it.version)));
        if source.picture.is_none() {
            write = write.value(":yes", value(true)?).value(":pending", string(Status::Pending.as_str()));
        }
        parts.push((Part::Source, write.in_transaction(self)?));
        let mut after = change.applied_to(source.clone(), now);
        (after.edit_prompt, after.edit_image_id) = (Some(prompt), Some(edit.id));
        after.edit_deferred = source.picture.is_none();
        match self.create_images_with(user, std::slice::from_ref(&edit), &parts, once, now).await? {
            Made::Now => Ok((after, edit)),
            Made::Before(edits) => {
                let edit = edits.into_iter().next().ok_or_else(|| CallError::internal("no edit was made"))?;
                Ok((after, edit))
            }
        }
    }

    /// A part of a transaction that puts a new job.
    pub(crate) fn put_job(&self, user: &UserId, job: &Job) -> Result<TransactWriteItem, CallError> {
        self.put_new(item(job_key(user, job.id), job)?)
    }

    /// Claims a job for `lease.owner`, which counts as an attempt.
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
        let update = "SET #lease = :lease, #attempts = #attempts + :one REMOVE #not_before";
        let condition = "attribute_exists(pk) AND (attribute_not_exists(#lease) OR #lease.#until < :now) \
                         AND (attribute_not_exists(#not_before) OR #not_before <= :now)";
        let write = Write::new(job_key(user, id), update, condition)
            .value(":lease", value(lease)?)
            .value(":one", number(1))
            .value(":now", number(now.as_second()));
        let error = match write.alone(self).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| CallError::internal("no attributes returned"))?;
                return Ok(JobClaim::Taken(Box::new(read(item)?)));
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(error.into());
        };
        let Some(item) = failed.item() else { return Ok(JobClaim::Ended) };
        let job: Job = read(item.clone())?;
        let leased = job.lease.map_or(0, |lease| lease.until + 1);
        Ok(JobClaim::NotBefore(leased.max(job.not_before.unwrap_or_default())))
    }

    /// Leaves a claimed job alone until `not_before`, in seconds since 1970. Does nothing where another worker
    /// has taken it over.
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
        let write =
            Write::new(job_key(user, id), "SET #not_before = :time REMOVE #lease", "#lease.#owner = :owner")
                .value(":time", number(not_before))
                .value(":owner", string(owner));
        match write.alone(self).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a claimed job without a result. Does nothing where another worker has taken it over.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn end_job(&self, user: &UserId, id: JobId, owner: &str) -> Result<(), CallError> {
        self.transact(vec![self.job_ends(user, id, owner)?]).await.map(drop)
    }

    /// Ends a claimed job with what came of an analysis.
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
        let update = "SET #analysis = :analysis, #updated_at = :time";
        let write = Write::new(image_key(user, image), update, "#analysis.#job = :job")
            .value(":analysis", value(analysis)?)
            .value(":time", timestamp(now))
            .value(":job", string(analysis.job.to_string()));
        self.settle_job(user, analysis.job, owner, write).await
    }

    /// Ends a claimed job with what came of a copy in Dropbox.
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
        let update = "SET #dropbox_copy = :dropbox_copy, #updated_at = :time";
        let write = Write::new(image_key(user, image), update, "#dropbox_copy.#job = :job")
            .value(":dropbox_copy", value(dropbox_copy)?)
            .value(":time", timestamp(now))
            .value(":job", string(dropbox_copy.job.to_string()));
        self.settle_job(user, dropbox_copy.job, owner, write).await
    }

    /// Ends a claimed job and begins another instead. Does nothing where another worker has taken it over.
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
        let instead = Job::new(JobId::generate(), task);
        self.transact(vec![self.job_ends(user, id, owner)?, self.put_job(user, &instead)?]).await.map(drop)
    }

    /// Begins a job by itself.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn begin(&self, user: &UserId, task: Task) -> Result<(), CallError> {
        let job = Job::new(JobId::generate(), task);
        let item = item(job_key(user, job.id), job)?;
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Ends a claimed job whose edit failed.
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
        let update = "SET #status = :failed, #failure = :failure, #updated_at = :time REMOVE #expires_at";
        let write = Write::new(image_key(user, image), update, AWAITS_EDIT)
            .value(":failed", string(Status::Failed.as_str()))
            .value(":failure", value(failure)?)
            .value(":time", timestamp(now))
            .value(":pending", string(Status::Pending.as_str()))
            .value(":first", number(1));
        self.settle_job(user, id, owner, write).await
    }

    /// Says of an edit that waits what its file will be, and counts it so. Returns whether it still waits.
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
        let update = "SET #content_type = :content_type, #size = :size";
        let image =
            Write::new(image_key(user, edit.id), update, format!("{AWAITS_EDIT} AND #size = :old_size"))
                .value(":content_type", string(content_type.as_str()))
                .value(":size", number(size.bytes()))
                .value(":old_size", number(edit.upload.size.bytes()))
                .value(":pending", string(Status::Pending.as_str()))
                .value(":first", number(1));
        let update = "SET #bytes = #bytes + :delta";
        let counted = Write::new(profile_key(user), update, "attribute_exists(pk)")
            .value(":delta", difference(edit.upload.size.bytes(), size.bytes()));
        let parts = vec![image.in_transaction(self)?, counted.in_transaction(self)?];
        Ok(self.transact(parts).await?.is_none())
    }

    /// Writes a job's result and ends the job, both or neither.
    async fn settle_job(
        &self,
        user: &UserId,
        id: JobId,
        owner: &str,
        result: Write,
    ) -> Result<Settled, CallError> {
        let parts = vec![self.job_ends(user, id, owner)?, result.in_transaction(self)?];
        let Some(reasons) = self.transact(parts).await? else { return Ok(Settled::Done) };
        let lost = reasons.first().and_then(refused).is_some();
        Ok(if lost { Settled::Lost } else { Settled::VersionObsolete })
    }

    fn job_ends(&self, user: &UserId, id: JobId, owner: &str) -> Result<TransactWriteItem, CallError> {
        let delete = aws_sdk_dynamodb::types::Delete::builder()
            .table_name(&self.table)
            .set_key(Some(job_key(user, id)))
            .condition_expression("#lease.#owner = :owner")
            .expression_attribute_names("#lease", "lease")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", string(owner))
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// That an image still waits for the file that an edit makes.
const AWAITS_EDIT: &str = "#status = :pending AND #version = :first";

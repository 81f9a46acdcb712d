//! Requests analyses and edits, and enqueues jobs.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{
    Addition, Analysis, Image, ImageId, Job, JobId, LimitError, Profile, Progress, Prompt, Status, Task,
    Timestamp, UserId,
};

use crate::{
    dynamodb::{
        condition::{eq, exists, lt, ne, not_exists},
        keys::{image_key, item, job_key, number, string, timestamp, value},
        records::Records,
        transactions::TransactItemKind,
        update::Update,
    },
    idempotency::{Created, IdempotencyKey, read_answer},
    images::{create::CreateError, update::Change},
    usage::{Count, CountError},
};

/// Why an analysis was not requested.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// The image does not exist.
    #[error("the image does not exist")]
    NotFound,
    /// The image has no picture yet.
    #[error("the image is not ready")]
    NotReady(Status),
    /// An analysis of the image has not ended yet.
    #[error("an analysis of the image has not ended yet")]
    UnderWay,
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for AnalyzeError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

impl Records {
    /// Requests an analysis of an image's picture. Returns the image after the request.
    ///
    /// Two calls. More if the user sends other requests at the same time.
    ///
    /// # Errors
    /// [`AnalyzeError`]
    pub async fn request_analysis(
        &self,
        user: &UserId,
        id: ImageId,
        prompt: Option<Prompt>,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Image, AnalyzeError> {
        use TransactItemKind as Kind;
        let found = self.image_and_profile(user, id, now).await?;
        let (mut image, profile, version) = match analyzable(found) {
            Ok(analyzable) => analyzable,
            Err(refusal) => return self.created_before(user, key, now).await?.ok_or(refusal),
        };
        let analysis = Analysis::queued(prompt.clone(), false, now);
        let job = Job::new(analysis.job, Task::Analyze { image: id, version, prompt });
        let has_ended = not_exists("analysis")
            .or(ne("analysis.status", string(Progress::Queued.as_str())))
            .or(lt("analysis.overdue_at", number(now.as_second())));
        let update = Update::new(image_key(user, id))
            .set("analysis", value(&analysis)?)
            .set("updated_at", timestamp(now))
            .when(exists("picture").and(not_exists("trash")).and(has_ended));
        (image.analysis, image.updated_at) = (Some(analysis), now);
        let mut items =
            vec![(Kind::Source, update.in_transaction(self)?), (Kind::New, self.put_job(user, &job)?)];
        if let Some(key) = key {
            items.push((Kind::IdempotencyKey, self.remember(user, key, &image, now)?));
        }
        let added = Addition { ai_calls: 1, ..Addition::default() };
        match Count::of(self, user, Some(profile), added, now).await?.transact(&items).await? {
            None => Ok(image),
            Some((Kind::IdempotencyKey, stored)) => read_answer(stored, key)?.ok_or(AnalyzeError::KeyReused),
            // The owner moved it to the trash at the same time.
            Some((_, Some(stored))) if stored.contains_key("trash") => Err(AnalyzeError::NotFound),
            Some((_, Some(_))) => Err(AnalyzeError::UnderWay),
            Some((_, None)) => Err(AnalyzeError::NotFound),
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
    /// [`CreateError`]. [`CreateError::SourceChanged`] also if the source was deleted, and [`CreateError::NoSuchSource`] if
    /// it moved to the trash.
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
                update = update.when(eq("picture.version", number(version)).and(not_exists("trash")));
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
        if let Some(words) = change.words_update(user, source.id) {
            items.push((TransactItemKind::Source, words.in_transaction(self)?));
        }
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
}

/// An image that can be analyzed, the profile of its owner, and the version of its picture.
fn analyzable(found: Option<(Image, Profile)>) -> Result<(Image, Profile, u32), AnalyzeError> {
    let (image, profile) = found.ok_or(AnalyzeError::NotFound)?;
    if !profile.limits.ai {
        return Err(LimitError::AiNotInTier(Box::new(profile.limits)).into());
    }
    let picture = image.picture.as_ref().ok_or(AnalyzeError::NotReady(image.status))?;
    let version = picture.version;
    Ok((image, profile, version))
}

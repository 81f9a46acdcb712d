//! Runs edit jobs: asks a model for a new picture, and stores it as the original of the edit. S3's event then starts
//! `workers-thumbnail`, as for any upload.

use aws::CallError;
use domain::{ContentType, Failure, FailureCode, Image, ObjectKey, Task};
use imaging::Format;
use lambda_runtime::{Error, service_fn};
use store::{JobOutcome, Objects, Records};
use tracing::info;
use workers::{ClaimedJob, JobError, Model, Queue, Worker, picture_for_model};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "EDITS_QUEUE")?;
    let model = Model::from_env(&config, "edit", "EDIT_MODEL", "EDIT_SECONDS")?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = EditWorker { records, objects, model };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct EditWorker {
    records: Records,
    objects: Objects,
    model: Model,
}

impl Worker for EditWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Task::Edit { source, version, image, prompt } = &job.task else {
            return Err(JobError::wrong_worker());
        };
        let now = domain::now();
        let (source, edit) = tokio::try_join!(
            self.records.image_or_trashed(user, *source, now),
            self.records.image_or_trashed(user, *image, now)
        )?;
        // The edit was deleted or replaced, or an earlier attempt stored its file and then failed. No call is needed.
        let Some(edit) = edit.filter(Image::awaits_edit) else {
            info!(job = %job.id, "job ended without a call: the edit no longer waits for its file");
            return Ok(self.records.end_job(user, job.id, owner).await?);
        };
        let source = source.ok_or_else(no_source)?;
        let picture = picture_for_model(&self.objects, user, &source, *version).await?;
        let provider = &self.model.provider;
        let bytes = self.model.with_key(async |key: &str| provider.edit(key, &picture, prompt).await).await?;
        let content_type = imaging::sniff(&bytes).and_then(content_type).ok_or_else(unknown_format)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX).try_into().map_err(|_| unknown_format())?;
        if self.records.declare_edit(user, &edit, content_type, size).await? {
            let key = ObjectKey { user: user.clone(), image: edit.id, version: edit.version };
            self.objects.put_original(&key, content_type, bytes).await?;
        }
        Ok(self.records.end_job(user, job.id, owner).await?)
    }

    async fn mark_failed(
        &self,
        ClaimedJob { user, job, owner }: &ClaimedJob,
        failure: Failure,
    ) -> Result<(), CallError> {
        if let Task::Edit { image, .. } = &job.task {
            let saved =
                self.records.finish_failed_edit(user, (job.id, *image), owner, &failure, domain::now());
            if saved.await? != JobOutcome::NotNeeded {
                return Ok(());
            }
        }
        self.records.end_job(user, job.id, owner).await
    }
}

fn content_type(format: Format) -> Option<ContentType> {
    ContentType::try_from(format.content_type().to_owned()).ok()
}

fn no_source() -> JobError {
    JobError::Permanent(Failure::new(FailureCode::NoPicture, "The source image no longer exists."))
}

fn unknown_format() -> JobError {
    JobError::Provider(providers::ProviderError::invalid_answer("the picture has an unknown format"))
}

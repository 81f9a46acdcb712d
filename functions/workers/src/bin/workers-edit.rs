//! The queue of edits: has a model make a new picture of another, once per job, and uploads it as its owner would,
//! so that it is developed as every upload.

use aws::CallError;
use domain::{ContentType, Failure, Image, ObjectKey, Task};
use imaging::Format;
use lambda_runtime::{Error, service_fn};
use store::{Objects, Records, Settled};
use tracing::info;
use workers::{Claimed, JobError, Model, Queue, Worker, failure, picture_for_model};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "EDITS_QUEUE")?;
    let model = Model::from_env(&config, "EDIT_MODEL", "EDIT_SECONDS")?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let editor = Editor { records, objects, model };
    lambda_runtime::run(service_fn(|event| queue.work(&editor.records, &editor, event))).await
}

struct Editor {
    records: Records,
    objects: Objects,
    model: Model,
}

impl Worker for Editor {
    async fn work(&self, claimed: &Claimed) -> Result<(), JobError> {
        let Claimed { user, job, owner } = claimed;
        let Task::Edit { source, version, image, prompt } = &job.task else {
            return Err(JobError::not_mine());
        };
        let now = domain::now();
        let (source, edit) =
            tokio::try_join!(self.records.image(user, *source, now), self.records.image(user, *image, now))?;
        // Deleted, replaced, or made by an attempt that did not come to its end: nothing is paid for again.
        let Some(edit) = edit.filter(Image::awaits_edit) else {
            info!(job = %job.id, "nobody waits for this edit any more");
            return Ok(self.records.end_job(user, job.id, owner).await?);
        };
        let source = source.ok_or_else(|| gone("The image to be edited is gone."))?;
        let picture = picture_for_model(&self.objects, user, &source, *version).await?;
        let provider = &self.model.provider;
        let bytes = self.model.with_key(async |key: &str| provider.edit(key, &picture, prompt).await).await?;
        let content_type = imaging::sniff(&bytes).and_then(content_type).ok_or_else(not_a_picture)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX).try_into().map_err(|_| not_a_picture())?;
        if self.records.declare_edit(user, &edit, content_type, size).await? {
            let key = ObjectKey { user: user.clone(), image: edit.id, version: edit.version };
            self.objects.put_original(&key, content_type, bytes).await?;
        }
        Ok(self.records.end_job(user, job.id, owner).await?)
    }

    async fn mark_failed(
        &self,
        Claimed { user, job, owner }: &Claimed,
        failure: Failure,
    ) -> Result<(), CallError> {
        if let Task::Edit { image, .. } = &job.task {
            let told =
                self.records.settle_failed_edit(user, (job.id, *image), owner, &failure, domain::now());
            if told.await? != Settled::VersionObsolete {
                return Ok(());
            }
        }
        self.records.end_job(user, job.id, owner).await
    }
}

fn content_type(format: Format) -> Option<ContentType> {
    ContentType::try_from(format.content_type().to_owned()).ok()
}

fn gone(detail: &str) -> JobError {
    JobError::Permanent(failure("no-picture", detail))
}

fn not_a_picture() -> JobError {
    JobError::Provider(providers::ProviderError::garbage("not a picture of a format that is known"))
}

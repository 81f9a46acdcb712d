//! Runs Dropbox jobs: copies originals to Dropbox, and deletes copies.
//!
//! If an image is deleted or replaced while its copy is created, the worker enqueues the deletion of that copy.

use std::time::Duration;

use aws::{CallError, Secret};
use domain::{DropboxCopy, DropboxPath, Failure, Image, ImageId, Task};
use lambda_runtime::{Error, service_fn};
use providers::{Dropbox, Http, ProviderError};
use store::{JobOutcome, Objects, Records};
use tracing::info;
use workers::{ClaimedJob, JobError, Queue, Worker, copy_to_dropbox, with_secret};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "DROPBOX_QUEUE")?;
    let timeout = Duration::from_secs(aws::var("DROPBOX_SECONDS")?.parse()?);
    let (api_url, content_url) = (aws::var("DROPBOX_API_URL")?, aws::var("DROPBOX_CONTENT_URL")?);
    let worker = DropboxWorker {
        records: Records::from_env(&config)?,
        objects: Objects::from_env(&config)?,
        dropbox: Dropbox::new(Http::new()?, &api_url, &content_url, timeout),
        secret: Secret::from_env(&config, "DROPBOX_SECRET")?,
        timeout,
    };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct DropboxWorker {
    records: Records,
    objects: Objects,
    dropbox: Dropbox,
    secret: Secret,
    /// How long copying or deleting a file may take.
    timeout: Duration,
}

impl Worker for DropboxWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        match &claimed.job.task {
            Task::DropboxCopy { image, version, path } => self.copy(claimed, *image, *version, path).await,
            Task::DeleteDropboxCopy { path } => {
                let delete = async |credentials: &str| self.dropbox.account(credentials).delete(path).await;
                self.with_timeout(with_secret(&self.secret, delete)).await?;
                Ok(self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await?)
            }
            _ => Err(JobError::wrong_worker()),
        }
    }

    async fn mark_failed(&self, claimed: &ClaimedJob, failure: Failure) -> Result<(), CallError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Task::DropboxCopy { image, path, .. } = &job.task else {
            return self.records.end_job(user, job.id, owner).await;
        };
        match self.requested(claimed, *image).await? {
            Some((_, dropbox_copy)) => self.save(claimed, *image, dropbox_copy.ended(Err(failure))).await,
            None => self.delete_instead(claimed, path).await,
        }
    }
}

impl DropboxWorker {
    async fn copy(
        &self,
        claimed: &ClaimedJob,
        image: ImageId,
        version: u32,
        path: &DropboxPath,
    ) -> Result<(), JobError> {
        let Some((image_record, copy)) = self.requested(claimed, image).await? else {
            return Ok(self.delete_instead(claimed, path).await?);
        };
        let original = image_record.key_of(&claimed.user, version);
        let copying = with_secret(&self.secret, async |credentials: &str| {
            copy_to_dropbox(&self.objects, &self.dropbox.account(credentials), &original, path).await
        });
        let url = self.with_timeout(copying).await?;
        Ok(self.save(claimed, image, copy.ended(Ok(url))).await?)
    }

    /// Stops a call of Dropbox that takes too long.
    async fn with_timeout<T>(&self, call: impl Future<Output = Result<T, JobError>>) -> Result<T, JobError> {
        let outcome = tokio::time::timeout(self.timeout, call).await;
        outcome.unwrap_or_else(|_elapsed| Err(ProviderError::timeout().into()))
    }

    /// The image and its copy, if the image still waits for this job.
    async fn requested(
        &self,
        ClaimedJob { user, job, .. }: &ClaimedJob,
        image: ImageId,
    ) -> Result<Option<(Image, DropboxCopy)>, CallError> {
        let image = self.records.image_or_trashed(user, image, domain::now()).await?;
        Ok(image.and_then(|image| {
            let dropbox_copy =
                image.dropbox_copy.clone().filter(|dropbox_copy| dropbox_copy.job == job.id)?;
            Some((image, dropbox_copy))
        }))
    }

    /// Stores the copy on the image and ends the job.
    async fn save(
        &self,
        claimed: &ClaimedJob,
        image: ImageId,
        dropbox_copy: DropboxCopy,
    ) -> Result<(), CallError> {
        let ClaimedJob { user, owner, .. } = claimed;
        match self.records.finish_dropbox_copy(user, image, owner, &dropbox_copy, domain::now()).await? {
            JobOutcome::Done | JobOutcome::LeaseLost => Ok(()),
            JobOutcome::NotNeeded => self.delete_instead(claimed, &dropbox_copy.path).await,
        }
    }

    /// Ends the job, and enqueues the deletion of a file that it may have left in Dropbox. The deletion of the image
    /// enqueues the same, but that job may run before this file exists.
    async fn delete_instead(
        &self,
        ClaimedJob { user, job, owner }: &ClaimedJob,
        path: &DropboxPath,
    ) -> Result<(), CallError> {
        let delete = Task::DeleteDropboxCopy { path: path.clone() };
        self.records.finish_and_enqueue(user, job.id, owner, delete).await?;
        info!(job = %job.id, "enqueued the deletion of a copy: the image no longer needs it");
        Ok(())
    }
}

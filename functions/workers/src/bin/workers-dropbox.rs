//! The queue of copies in Dropbox: makes them and removes them.
//!
//! A copy that nobody wants any more, since its image was removed or replaced while it was made, is removed again.

use std::time::Duration;

use aws::CallError;
use domain::{DropboxCopy, DropboxPath, Failure, Image, ImageId, Task};
use lambda_runtime::{Error, service_fn};
use providers::{Dropbox, Http, ProviderError, Secret};
use store::{Objects, Records, Settled};
use tracing::info;
use workers::{Claimed, JobError, Queue, Worker, dropbox_copy, with_secret};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "DROPBOX_QUEUE")?;
    let time = Duration::from_secs(aws::var("DROPBOX_SECONDS")?.parse()?);
    let (api_url, content_url) = (aws::var("DROPBOX_API_URL")?, aws::var("DROPBOX_CONTENT_URL")?);
    let courier = DropboxWorker {
        records: Records::from_env(&config)?,
        objects: Objects::from_env(&config)?,
        dropbox: Dropbox::new(Http::new()?, &api_url, &content_url, time),
        secret: Secret::from_env(&config, "DROPBOX_SECRET")?,
        time,
    };
    lambda_runtime::run(service_fn(|event| queue.work(&courier.records, &courier, event))).await
}

struct DropboxWorker {
    records: Records,
    objects: Objects,
    dropbox: Dropbox,
    secret: Secret,
    /// How long a whole copy, or its removal, may take.
    time: Duration,
}

impl Worker for DropboxWorker {
    async fn work(&self, claimed: &Claimed) -> Result<(), JobError> {
        match &claimed.job.task {
            Task::DropboxCopy { image, version, path } => self.copy(claimed, *image, *version, path).await,
            Task::DeleteDropboxCopy { path } => {
                let removed = async |credentials: &str| self.dropbox.account(credentials).delete(path).await;
                self.in_time(with_secret(&self.secret, removed)).await?;
                Ok(self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await?)
            }
            _ => Err(JobError::not_mine()),
        }
    }

    async fn mark_failed(&self, claimed: &Claimed, failure: Failure) -> Result<(), CallError> {
        let Claimed { user, job, owner } = claimed;
        let Task::DropboxCopy { image, path, .. } = &job.task else {
            return self.records.end_job(user, job.id, owner).await;
        };
        match self.wanted(claimed, *image).await? {
            Some((_, dropbox_copy)) => self.settle(claimed, *image, dropbox_copy.ended(Err(failure))).await,
            None => self.remove_instead(claimed, path).await,
        }
    }
}

impl DropboxWorker {
    async fn copy(
        &self,
        claimed: &Claimed,
        image: ImageId,
        version: u32,
        path: &DropboxPath,
    ) -> Result<(), JobError> {
        let Some((found, wanted)) = self.wanted(claimed, image).await? else {
            return Ok(self.remove_instead(claimed, path).await?);
        };
        let original = found.key_of(&claimed.user, version);
        let copied = with_secret(&self.secret, async |credentials: &str| {
            dropbox_copy(&self.objects, &self.dropbox.account(credentials), &original, path).await
        });
        let url = self.in_time(copied).await?;
        Ok(self.settle(claimed, image, wanted.ended(Ok(url))).await?)
    }

    /// The end of some work with Dropbox, or of its time.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, JobError>>) -> Result<T, JobError> {
        let outcome = tokio::time::timeout(self.time, work).await;
        outcome.unwrap_or_else(|_elapsed| Err(ProviderError::timeout().into()))
    }

    /// The image and its copy, where that is still the one that a job is to make.
    async fn wanted(
        &self,
        Claimed { user, job, .. }: &Claimed,
        image: ImageId,
    ) -> Result<Option<(Image, DropboxCopy)>, CallError> {
        let image = self.records.image(user, image, domain::now()).await?;
        Ok(image.and_then(|image| {
            let dropbox_copy =
                image.dropbox_copy.clone().filter(|dropbox_copy| dropbox_copy.job == job.id)?;
            Some((image, dropbox_copy))
        }))
    }

    async fn settle(
        &self,
        claimed: &Claimed,
        image: ImageId,
        dropbox_copy: DropboxCopy,
    ) -> Result<(), CallError> {
        let Claimed { user, owner, .. } = claimed;
        match self.records.settle_dropbox_copy(user, image, owner, &dropbox_copy, domain::now()).await? {
            Settled::Done | Settled::Lost => Ok(()),
            Settled::VersionObsolete => self.remove_instead(claimed, &dropbox_copy.path).await,
        }
    }

    /// Has what this job may have left in Dropbox removed. Its image's removal has begun the same, perhaps before
    /// the copy was there.
    async fn remove_instead(
        &self,
        Claimed { user, job, owner }: &Claimed,
        path: &DropboxPath,
    ) -> Result<(), CallError> {
        info!(job = %job.id, "nobody wants this copy any more");
        self.records
            .finish_and_enqueue(user, job.id, owner, Task::DeleteDropboxCopy { path: path.clone() })
            .await
    }
}

//! The queue of copies in Dropbox: makes them and removes them.
//!
//! A copy that nobody wants any more, since its image was removed or replaced while it was made, is removed again.

use std::time::Duration;

use aws::CallError;
use domain::{DropboxPath, Failure, Image, ImageId, Mirror, Task};
use lambda_runtime::{Error, service_fn};
use providers::{Dropbox, Http, ProviderError, Secret};
use store::{Objects, Records, Settled};
use tracing::info;
use workers::{Claimed, Queue, Trouble, Worker, mirror, with_secret};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "DROPBOX_QUEUE")?;
    let time = Duration::from_secs(aws::var("DROPBOX_SECONDS")?.parse()?);
    let (api_url, content_url) = (aws::var("DROPBOX_API_URL")?, aws::var("DROPBOX_CONTENT_URL")?);
    let courier = Courier {
        records: Records::from_env(&config)?,
        objects: Objects::from_env(&config)?,
        dropbox: Dropbox::new(Http::new()?, &api_url, &content_url, time),
        secret: Secret::from_env(&config, "DROPBOX_SECRET")?,
        time,
    };
    lambda_runtime::run(service_fn(|event| queue.work(&courier.records, &courier, event))).await
}

struct Courier {
    records: Records,
    objects: Objects,
    dropbox: Dropbox,
    secret: Secret,
    /// How long a whole copy, or its removal, may take.
    time: Duration,
}

impl Worker for Courier {
    async fn work(&self, claimed: &Claimed) -> Result<(), Trouble> {
        match &claimed.job.task {
            Task::Mirror { image, version, path } => self.copy(claimed, *image, *version, path).await,
            Task::Unmirror { path } => {
                let removed = async |credentials: &str| self.dropbox.account(credentials).delete(path).await;
                self.in_time(with_secret(&self.secret, removed)).await?;
                Ok(self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await?)
            }
            _ => Err(Trouble::not_mine()),
        }
    }

    async fn give_up(&self, claimed: &Claimed, failure: Failure) -> Result<(), CallError> {
        let Claimed { user, job, owner } = claimed;
        let Task::Mirror { image, path, .. } = &job.task else {
            return self.records.end_job(user, job.id, owner).await;
        };
        match self.wanted(claimed, *image).await? {
            Some((_, mirror)) => self.settle(claimed, *image, mirror.ended(Err(failure))).await,
            None => self.remove_instead(claimed, path).await,
        }
    }
}

impl Courier {
    async fn copy(
        &self,
        claimed: &Claimed,
        image: ImageId,
        version: u32,
        path: &DropboxPath,
    ) -> Result<(), Trouble> {
        let Some((found, wanted)) = self.wanted(claimed, image).await? else {
            return Ok(self.remove_instead(claimed, path).await?);
        };
        let original = found.key_of(&claimed.user, version);
        let copied = with_secret(&self.secret, async |credentials: &str| {
            mirror(&self.objects, &self.dropbox.account(credentials), &original, path).await
        });
        let url = self.in_time(copied).await?;
        Ok(self.settle(claimed, image, wanted.ended(Ok(url))).await?)
    }

    /// The end of some work with Dropbox, or of its time.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let outcome = tokio::time::timeout(self.time, work).await;
        outcome.unwrap_or_else(|_elapsed| Err(ProviderError::timeout().into()))
    }

    /// The image and its copy, where that is still the one that a job is to make.
    async fn wanted(
        &self,
        Claimed { user, job, .. }: &Claimed,
        image: ImageId,
    ) -> Result<Option<(Image, Mirror)>, CallError> {
        let image = self.records.image(user, image, domain::now()).await?;
        Ok(image.and_then(|image| {
            let mirror = image.mirror.clone().filter(|mirror| mirror.job == job.id)?;
            Some((image, mirror))
        }))
    }

    async fn settle(&self, claimed: &Claimed, image: ImageId, mirror: Mirror) -> Result<(), CallError> {
        let Claimed { user, owner, .. } = claimed;
        match self.records.settle_mirror(user, image, owner, &mirror, domain::now()).await? {
            Settled::Done | Settled::Lost => Ok(()),
            Settled::Unneeded => self.remove_instead(claimed, &mirror.path).await,
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
        self.records.begin_instead(user, job.id, owner, Task::Unmirror { path: path.clone() }).await
    }
}

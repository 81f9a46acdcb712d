//! Runs download jobs: writes the originals of many images into one ZIP archive.

use std::collections::HashMap;

use aws::CallError;
use domain::{Download, Failure, FailureCode, Image, ImageId, Progress, Task};
use lambda_runtime::{Error, service_fn};
use store::{JobOutcome, Objects, Records};
use tracing::info;
use workers::{Archive, ClaimedJob, JobError, Queue, Worker};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "DOWNLOADS_QUEUE")?;
    let worker =
        DownloadWorker { records: Records::from_env(&config)?, objects: Objects::from_env(&config)? };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct DownloadWorker {
    records: Records,
    objects: Objects,
}

impl Worker for DownloadWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Some(download) = self.requested(claimed).await? else {
            info!(job = %job.id, "job ended without an archive: the download is no longer requested");
            return Ok(self.records.end_job(user, job.id, owner).await?);
        };
        let images = self.records.images_by_id(user, download.images.iter().copied(), domain::now()).await?;
        let images: HashMap<ImageId, Image> = images.into_iter().map(|image| (image.id, image)).collect();
        let mut archive = Archive::begin(&self.records, &self.objects, user, &download).await?;
        if let Err(error) = fill(&mut archive, &download, &images).await {
            archive.abort().await;
            return Err(error);
        }
        let progress = archive.complete().await?;
        // Without the download, S3 deletes the archive after a day.
        if self.records.finish_download(user, &download, owner, Ok(progress)).await? == JobOutcome::NotNeeded
        {
            return Ok(self.records.end_job(user, job.id, owner).await?);
        }
        info!(job = %job.id, files = progress.files_done, bytes = progress.bytes_done, "made an archive");
        Ok(())
    }

    async fn mark_failed(&self, claimed: &ClaimedJob, failure: Failure) -> Result<(), CallError> {
        let ClaimedJob { user, job, owner } = claimed;
        match self.requested(claimed).await? {
            Some(download) => {
                self.records.finish_download(user, &download, owner, Err(&failure)).await.map(drop)
            }
            None => self.records.end_job(user, job.id, owner).await,
        }
    }
}

impl DownloadWorker {
    /// The download, if it still waits for this job.
    async fn requested(
        &self,
        ClaimedJob { user, job, .. }: &ClaimedJob,
    ) -> Result<Option<Download>, CallError> {
        let Task::Download { download } = &job.task else { return Ok(None) };
        let download = self.records.download(user, *download, domain::now()).await?;
        Ok(download.filter(|download| download.job == job.id && download.status == Progress::Queued))
    }
}

/// Adds the originals to the archive.
async fn fill(
    archive: &mut Archive<'_>,
    download: &Download,
    images: &HashMap<ImageId, Image>,
) -> Result<(), JobError> {
    for id in &download.images {
        match images.get(id) {
            Some(image) => archive.add(image).await?,
            None => archive.skip().await?,
        }
    }
    if archive.is_empty() {
        let failure = Failure::new(FailureCode::NoPicture, "None of the pictures exists any more.");
        return Err(JobError::Permanent(failure));
    }
    Ok(())
}

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

#[cfg(test)]
mod tests {
    use domain::Job;
    use serde_json::{Value, json};
    use test_support::{FakeAws, IMAGE_ID, USER, batch, items, ok, ready_image};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";
    // The test AWS names a call to S3 by the end of its address, after the last dot.
    const BEGIN: &str = "zip?uploads";
    const ABORT: &str = "zip?x-id=AbortMultipartUpload&uploadId=u";
    const ORIGINAL: &str =
        "com/5f0c3c9e-0000-4000-8000-000000000000/01K8Z3J5Q0000000000000TEST/1?x-id=GetObject";

    fn claimed() -> ClaimedJob {
        let job = Job::new(ID.parse().unwrap(), Task::Download { download: ID.parse().unwrap() });
        ClaimedJob { user: USER.parse().unwrap(), job, owner: "worker".to_owned() }
    }

    async fn work(aws: &FakeAws) -> Result<(), JobError> {
        DownloadWorker { records: aws.records(), objects: aws.objects() }.work(&claimed()).await
    }

    async fn mark_failed(aws: &FakeAws) {
        let failure = Failure::new(FailureCode::GaveUp, "All attempts failed.");
        let worker = DownloadWorker { records: aws.records(), objects: aws.objects() };
        worker.mark_failed(&claimed(), failure).await.unwrap();
    }

    /// The downloads of the user: one, of one image.
    fn downloads(status: &str) -> (&'static str, u16, Value) {
        let download = json!({
            "id": ID, "slot": 3, "job": ID, "images": [IMAGE_ID], "bytes": 1000, "status": status,
            "created_at": "2026-03-12T19:03:58Z", "expires_at": 9_999_999_999_i64,
        });
        ok("Query", items(&[download]))
    }

    fn begun() -> (&'static str, u16, Value) {
        let answer = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
        ok(BEGIN, json!(answer))
    }

    /// The items of the last transaction.
    fn written(aws: &FakeAws) -> Vec<Value> {
        let (_, input) = aws.calls().pop().unwrap();
        input["TransactItems"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn a_download_that_has_ended_needs_no_archive() {
        let aws = FakeAws::new([downloads("done"), ok("TransactWriteItems", json!({}))]);
        work(&aws).await.unwrap();
        assert_eq!(aws.operations(), ["Query", "TransactWriteItems"]);
        let written = written(&aws);
        assert_eq!(written.len(), 1);
        assert_eq!(written[0]["Delete"]["Key"]["sk"], json!({"S": format!("JOB#{ID}")}));
    }

    #[tokio::test]
    async fn an_archive_without_a_picture_is_no_archive_and_s3_keeps_nothing_of_it() {
        let gone = json!("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
        let without_image = vec![downloads("queued"), ok("BatchGetItem", batch(&[])), begun()];
        let without_file = vec![
            downloads("queued"),
            ok("BatchGetItem", batch(&[ready_image()])),
            begun(),
            (ORIGINAL, 404, gone),
        ];
        for prepared in [without_image, without_file] {
            let mut expected: Vec<&str> = prepared.iter().map(|(operation, ..)| *operation).collect();
            expected.push(ABORT);
            let aws = FakeAws::new(prepared.into_iter().chain([ok(ABORT, json!(""))]));
            let outcome = work(&aws).await;
            let Err(JobError::Permanent(failure)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(failure.code, FailureCode::NoPicture);
            assert_eq!(aws.operations(), expected);
        }
    }

    #[tokio::test]
    async fn a_failure_is_stored_in_the_record_of_the_download() {
        let aws = FakeAws::new([downloads("queued"), ok("TransactWriteItems", json!({}))]);
        mark_failed(&aws).await;
        let written = written(&aws);
        assert_eq!(written.len(), 2);
        let update = &written[1]["Update"];
        assert_eq!(update["Key"]["sk"], json!({"S": "DOWNLOAD#3"}));
        let values = update["ExpressionAttributeValues"].to_string();
        assert!(values.contains(r#"{"S":"failed"}"#) && values.contains("gave-up"), "{values}");
    }

    #[tokio::test]
    async fn a_failure_of_a_download_that_is_gone_ends_the_job() {
        let aws = FakeAws::new([ok("Query", items(&[])), ok("TransactWriteItems", json!({}))]);
        mark_failed(&aws).await;
        assert_eq!(written(&aws).len(), 1);
    }
}

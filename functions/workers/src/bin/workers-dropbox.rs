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

#[cfg(test)]
mod tests {
    use domain::{FailureCode, Job};
    use serde_json::{Value, json};
    use test_support::{FakeAws, FakeServer, IMAGE_ID, USER, item, ok, ready_image};

    use super::*;

    const JOB: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";
    const PATH: &str = "/+4930901820/a.jpg";
    /// The call that reads the original. The test AWS names a call to S3 by the end of its address.
    const ORIGINAL: &str =
        "com/5f0c3c9e-0000-4000-8000-000000000000/01K8Z3J5Q0000000000000TEST/1?x-id=GetObject";

    fn worker(aws: &FakeAws, server: &FakeServer) -> DropboxWorker {
        let timeout = Duration::from_secs(10);
        DropboxWorker {
            records: aws.records(),
            objects: aws.objects(),
            dropbox: Dropbox::new(Http::new().unwrap(), server.url(), server.url(), timeout),
            secret: Secret::new(&aws.config(), "secret".to_owned()),
            timeout,
        }
    }

    fn claimed(task: Task) -> ClaimedJob {
        let job = Job::new(JOB.parse().unwrap(), task);
        ClaimedJob { user: USER.parse().unwrap(), job, owner: "worker".to_owned() }
    }

    fn path() -> DropboxPath {
        serde_json::from_value(json!(PATH)).unwrap()
    }

    fn copy() -> ClaimedJob {
        claimed(Task::DropboxCopy { image: IMAGE_ID.parse().unwrap(), version: 1, path: path() })
    }

    /// The image, which waits for the copy.
    fn waiting() -> (&'static str, u16, Value) {
        let mut image = ready_image();
        image["dropbox_copy"] = json!({"job": JOB, "path": PATH, "status": "queued"});
        ok("GetItem", item(&image))
    }

    fn secret() -> (&'static str, u16, Value) {
        let credentials = json!({"app_key": "k", "app_secret": "s", "refresh_token": "r"});
        ok("GetSecretValue", json!({"SecretString": credentials.to_string()}))
    }

    fn written() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    /// The items of the last transaction.
    fn items(aws: &FakeAws) -> Vec<Value> {
        let (_, input) = aws.calls().pop().unwrap();
        input["TransactItems"].as_array().unwrap().clone()
    }

    /// The last transaction ends the job and enqueues the deletion of the copy.
    fn assert_deletes_instead(aws: &FakeAws) {
        let items = items(aws);
        assert_eq!(items[0]["Delete"]["Key"]["sk"], json!({"S": format!("JOB#{JOB}")}));
        let job = &items[1]["Put"]["Item"];
        assert_eq!((&job["task"], &job["path"]), (&json!({"S": "delete_dropbox_copy"}), &json!({"S": PATH})));
    }

    /// Deletes a copy. Dropbox answers 409 with this summary.
    async fn delete(aws: &FakeAws, summary: &str) -> Result<(), JobError> {
        let token = json!({"access_token": "token", "expires_in": 14_400});
        let conflict = json!({"error_summary": summary, "error": {".tag": "path"}});
        let dropbox = FakeServer::new([(200, token), (409, conflict)]);
        let outcome = worker(aws, &dropbox).work(&claimed(Task::DeleteDropboxCopy { path: path() })).await;
        assert_eq!(dropbox.requests(), ["POST /oauth2/token", "POST /2/files/delete_v2"]);
        outcome
    }

    #[tokio::test]
    async fn the_deletion_of_a_copy_that_is_gone_ends_and_one_that_dropbox_refuses_does_not() {
        let aws = FakeAws::new([secret(), written()]);
        delete(&aws, "path_lookup/not_found/.").await.unwrap();
        assert_eq!(aws.operations(), ["GetSecretValue", "TransactWriteItems"]);

        let aws = FakeAws::new([secret()]);
        let outcome = delete(&aws, "path_write/no_write_permission/.").await;
        let Err(JobError::Provider(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.failure.code, FailureCode::ProviderRefused);
        assert_eq!(aws.operations(), ["GetSecretValue"]);
    }

    #[tokio::test]
    async fn a_copy_that_the_image_no_longer_needs_is_deleted_instead() {
        let dropbox = FakeServer::new([]);
        let aws = FakeAws::new([ok("GetItem", item(&ready_image())), written()]);
        worker(&aws, &dropbox).work(&copy()).await.unwrap();
        assert_eq!(aws.operations(), ["GetItem", "TransactWriteItems"]);
        assert_deletes_instead(&aws);
        assert!(dropbox.requests().is_empty());
    }

    #[tokio::test]
    async fn a_copy_without_an_original_fails_for_good() {
        let gone = json!("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>");
        let aws = FakeAws::new([waiting(), secret(), (ORIGINAL, 404, gone)]);
        let outcome = worker(&aws, &FakeServer::new([])).work(&copy()).await;
        let Err(JobError::Permanent(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.code, FailureCode::NoPicture);
    }

    #[tokio::test]
    async fn a_failure_is_stored_on_an_image_that_waits_for_the_copy() {
        let aws = FakeAws::new([waiting(), written()]);
        let failure = Failure::new(FailureCode::ProviderFull, "The provider has no room left.");
        worker(&aws, &FakeServer::new([])).mark_failed(&copy(), failure).await.unwrap();
        let stored = items(&aws)[1]["Update"]["ExpressionAttributeValues"][":v0"]["M"].clone();
        assert_eq!((&stored["status"], &stored["path"]), (&json!({"S": "failed"}), &json!({"S": PATH})));
        assert_eq!(stored["failure"]["M"]["code"], json!({"S": "provider-full"}));
    }

    #[tokio::test]
    async fn a_failed_copy_of_an_image_that_was_deleted_meanwhile_is_deleted_too() {
        let reasons = ["None", "ConditionalCheckFailed"].map(|code| json!({"Code": code}));
        let refused = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([waiting(), ("TransactWriteItems", 400, refused), written()]);
        let failure = Failure::new(FailureCode::ProviderFull, "The provider has no room left.");
        worker(&aws, &FakeServer::new([])).mark_failed(&copy(), failure).await.unwrap();
        assert_eq!(aws.operations(), ["GetItem", "TransactWriteItems", "TransactWriteItems"]);
        assert_deletes_instead(&aws);
    }
}

//! Creates the thumbnails of an upload. It handles S3's `ObjectCreated` events, and the messages of the queue
//! `UploadRetries`, which contain such events.
//!
//! If the picture cannot be developed, its image gets the status `failed` and a code. If a retry may succeed, the
//! invocation fails. Lambda then retries the event, and finally sends it to the queue. There the worker tries again, with
//! pauses of up to an hour, for four days. A temporary failure never makes an image `failed`.

use std::time::Duration;

use aws::CallError;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Failure, FailureCode, Image, Lease, ObjectKey};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde_json::Value;
use store::{Claim, Developed, Objects, Outcome, Records};
use telemetry::Measurement;
use tracing::{Instrument, error, info, warn};
use workers::{FailedInvocation, S3Notification, UploadEvent, UploadRetries, lease, retry_delay};

/// After so many workers in succession have died while they developed a file, the file is the cause.
const MAX_CRASHES: u32 = 3;

/// A worker stops this long before Lambda would stop it, so that it can still release its claim. A worker that Lambda
/// stops counts as one that died.
const TIME_TO_RELEASE: Duration = Duration::from_secs(5);

/// The shortest delay before an upload whose image was just deleted is looked at again. The clean-up usually takes less
/// than a second.
const CLEAN_UP_DELAY: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    workers::develop_if_asked();
    telemetry::init();
    let config = aws::config()?;
    let worker = ThumbnailWorker {
        records: Records::from_env(&config)?,
        objects: Objects::from_env(&config)?,
        retries: UploadRetries::from_env(&config)?,
        base_delay: Duration::from_secs(aws::var("UPLOAD_RETRY_SECONDS")?.parse()?),
    };
    lambda_runtime::run(service_fn(|event| worker.handle(event))).await
}

struct ThumbnailWorker {
    records: Records,
    objects: Objects,
    retries: UploadRetries,
    /// The delay after the first delivery of a message. It doubles with each delivery.
    base_delay: Duration,
}

/// Why an upload has to be retried.
#[derive(Debug, thiserror::Error)]
enum RetryableError {
    /// Not before this delay.
    #[error("the upload has to wait")]
    Wait(Duration),
    /// Until `workers-stream` has cleaned up after the image.
    #[error("the image of the upload does not exist")]
    NoImage,
    #[error("the time of the invocation was over")]
    OutOfTime,
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The time until the worker has to stop.
fn time_left(context: &Context) -> Duration {
    let now = u64::try_from(domain::now().as_millisecond()).unwrap_or_default();
    Duration::from_millis(context.deadline.saturating_sub(now)).saturating_sub(TIME_TO_RELEASE)
}

impl ThumbnailWorker {
    async fn handle(&self, event: LambdaEvent<Value>) -> Result<SqsBatchResponse, Error> {
        let (event, context) = event.into_parts();
        if event["Records"][0]["eventSource"] == "aws:sqs" {
            return Ok(self.handle_messages(serde_json::from_value(event)?, &context).await);
        }
        let notification: S3Notification = serde_json::from_value(event)?;
        let mut failed = Vec::new();
        for upload in notification.uploads() {
            let span = telemetry::correlated(upload.key.image);
            let result = match Box::pin(self.develop(&upload, &context).instrument(span)).await {
                Err(RetryableError::Wait(delay)) => self.send(&upload, delay).await,
                Err(RetryableError::NoImage) => self.send(&upload, CLEAN_UP_DELAY).await,
                result => result,
            };
            if let Err(error) = result {
                warn!(key = %upload.key, cause = aws::causes(&error), "thumbnail generation failed, will retry");
                failed.push(upload.key.to_string());
            }
        }
        if failed.is_empty() {
            Ok(SqsBatchResponse::default())
        } else {
            Err(format!("thumbnail generation failed: {}", failed.join(", ")).into())
        }
    }

    /// Sends an upload to the queue of retries.
    async fn send(&self, upload: &UploadEvent, delay: Duration) -> Result<(), RetryableError> {
        info!(key = %upload.key, seconds = delay.as_secs(), "sending the upload to the queue of retries");
        Ok(self.retries.send(upload, delay).await?)
    }

    async fn handle_messages(&self, batch: SqsEvent, context: &Context) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for message in &batch.records {
            if let Err(delay) = self.handle_message(message, context).await {
                self.retries.postpone(message, delay).await;
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message.message_id.clone().unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        response
    }

    /// Develops the uploads of a message.
    ///
    /// # Errors
    /// The delay after which SQS should deliver the message again.
    async fn handle_message(&self, message: &SqsMessage, context: &Context) -> Result<(), Duration> {
        let deliveries =
            message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let deliveries = deliveries.unwrap_or(1);
        let backoff = retry_delay(self.base_delay, deliveries);
        let id = message.message_id.as_deref().unwrap_or_default();
        let parsed = serde_json::from_str::<FailedInvocation>(message.body.as_deref().unwrap_or_default());
        let failed = parsed.map_err(|cause| {
            error!(message_id = id, %cause, "parsing a message about an upload failed");
            backoff
        })?;
        let mut delay = None;
        for upload in failed.request_payload.uploads() {
            let span = telemetry::correlated(upload.key.image);
            match Box::pin(self.develop(&upload, context).instrument(span)).await {
                Ok(()) => {}
                Err(RetryableError::Wait(wait)) => {
                    info!(key = %upload.key, seconds = wait.as_secs(), "the upload has to wait");
                    delay = delay.max(Some(wait));
                }
                Err(RetryableError::NoImage) => {
                    info!(key = %upload.key, deliveries, "the upload waits for the clean-up of its image");
                    delay = delay.max(Some(backoff.max(CLEAN_UP_DELAY)));
                }
                Err(error) => {
                    let cause = aws::causes(&error);
                    warn!(key = %upload.key, deliveries, cause, seconds = backoff.as_secs(), "thumbnail generation failed, will retry");
                    delay = delay.max(Some(backoff));
                }
            }
        }
        delay.map_or(Ok(()), Err)
    }

    async fn develop(&self, upload: &UploadEvent, context: &Context) -> Result<(), RetryableError> {
        let lease = lease(context.request_id.clone(), context);
        // `join` and not `try_join`, so that no claim goes on after this function has released it.
        let profile = self.records.profile_or_default(&upload.key.user);
        let (claim, profile) = match tokio::join!(self.claim(upload, &lease), profile) {
            (Ok(claim), Ok(profile)) => (claim, profile),
            (Err(error), _) | (_, Err(error)) => {
                // The claim may have succeeded although its response was lost.
                self.release(upload, &lease).await;
                return Err(error.into());
            }
        };
        match claim {
            Claim::Taken(image) => {
                let work = self.work(upload, &image, &profile.limits.thumbnail_sizes);
                let done = tokio::time::timeout(time_left(context), work);
                let done = done.await.unwrap_or(Err(RetryableError::OutOfTime));
                if done.is_err() {
                    self.release(upload, &lease).await;
                }
                done
            }
            Claim::Busy(until) => {
                let seconds = until.saturating_sub(domain::now().as_second()).max(0).unsigned_abs();
                Err(RetryableError::Wait(Duration::from_secs(seconds + 1)))
            }
            Claim::AlreadyDone(image) => {
                info!(key = %upload.key, "ignored an event that was processed before");
                Ok(self.delete_unneeded(&upload.key, |version| image.keeps_version(version)).await?)
            }
            Claim::Expired(_) => Err(RetryableError::Wait(Duration::from_secs(1))),
            Claim::VersionObsolete => {
                info!(key = %upload.key, "deleted an upload: a newer one replaced it");
                Ok(self.objects.remove_version(&upload.key).await?)
            }
            Claim::Gone => self.without_image(upload).await,
        }
    }

    /// Claims an upload. An image that has expired is made visible again first, because its upload has arrived.
    async fn claim(&self, upload: &UploadEvent, lease: &Lease) -> Result<Claim, CallError> {
        let now = domain::now();
        let claim = self.records.claim(&upload.key, &upload.sequencer, lease, upload.at, now).await?;
        let Claim::Expired(image) = &claim else { return Ok(claim) };
        info!(key = %upload.key, "renewing an expired image: its upload has arrived");
        self.records.renew(&upload.key.user, image, now).await?;
        self.records.claim(&upload.key, &upload.sequencer, lease, upload.at, now).await
    }

    async fn release(&self, upload: &UploadEvent, lease: &Lease) {
        if let Err(cause) = self.records.release_claim(&upload.key, lease).await {
            info!(key = %upload.key, cause = aws::causes(&cause), "releasing the claim failed, its lease will expire");
        }
    }

    /// Deletes an upload whose image does not exist. If DynamoDB has just removed the image at its deadline,
    /// `workers-stream` puts it back because the upload has arrived. So the upload must wait until `workers-stream` has
    /// cleaned up. It waits however long that takes, because the clean-up may itself be retried for days, and an operator
    /// may send it again after that.
    async fn without_image(&self, upload: &UploadEvent) -> Result<(), RetryableError> {
        let (user, image) = (&upload.key.user, upload.key.image);
        if !self.records.is_cleaned_up(user, image).await? {
            return Err(RetryableError::NoImage);
        }
        info!(key = %upload.key, "deleted an upload: its image no longer exists");
        Ok(self.objects.remove_all(user, image).await?)
    }

    /// Develops a claimed upload and stores the result.
    async fn work(&self, upload: &UploadEvent, image: &Image, sizes: &[u32]) -> Result<(), RetryableError> {
        let (outcome, kept, measurement) = match self.develop_original(upload, image, sizes).await? {
            Ok(developed) => {
                let copies_to_dropbox = aws::is_set("DROPBOX_SECRET");
                let finished =
                    self.records.finish(&upload.key, image, developed, copies_to_dropbox, domain::now());
                let since_upload =
                    Duration::try_from(domain::now().duration_since(upload.at)).unwrap_or_default();
                (finished.await?, upload.key.version, Measurement::ImageReady { since_upload })
            }
            Err(failure) => {
                let declared = image.upload.content_type.as_str();
                info!(key = %upload.key, code = failure.code.as_str(), declared, "the upload cannot be developed");
                let outcome = self.records.fail(&upload.key, image, &failure, domain::now()).await?;
                let current = image.picture.as_ref().map(|picture| picture.version);
                let measurement = Measurement::ImageFailed { code: failure.code.as_str() };
                (outcome, current.unwrap_or(upload.key.version), measurement)
            }
        };
        match outcome {
            Outcome::Done => {
                info!(key = %upload.key, emf = measurement.emf(), "image state saved");
                self.delete_unneeded(&upload.key, |version| version == kept).await?;
            }
            Outcome::LeaseLost => info!(key = %upload.key, "another request took over the claim"),
            Outcome::VersionObsolete => self.objects.remove_version(&upload.key).await?,
            // The image was deleted meanwhile. Nothing else would delete the new objects.
            Outcome::Gone => self.objects.remove_all(&upload.key.user, upload.key.image).await?,
        }
        Ok(())
    }

    /// The thumbnails, or the failure for the owner.
    async fn develop_original(
        &self,
        upload: &UploadEvent,
        image: &Image,
        sizes: &[u32],
    ) -> Result<Result<Developed, Failure>, CallError> {
        if image.crashes >= MAX_CRASHES {
            error!(key = %upload.key, crashes = image.crashes, "gave up an upload: its workers died");
            let detail =
                "The picture could not be developed: each attempt ended unexpectedly. Try another file.";
            return Ok(Err(Failure::new(FailureCode::ProcessingFailed, detail)));
        }
        match workers::check_length(image.upload.size.bytes()) {
            Ok(()) => workers::develop(&self.objects, &upload.key, sizes).await,
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Deletes the objects and renditions of versions that are no longer needed: a replaced picture, a failed replacement, and objects
    /// that an earlier request failed to delete. There are none if the latest version is the first.
    async fn delete_unneeded(
        &self,
        latest: &ObjectKey,
        is_kept: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        if latest.version == 1 {
            return Ok(());
        }
        let (user, image) = (&latest.user, latest.image);
        // The items of renditions go first: a worker that makes one now finds no item, and deletes its file.
        self.records
            .delete_renditions(user, image, |version| version > latest.version || is_kept(version))
            .await?;
        self.objects.remove_unneeded(latest, is_kept).await
    }
}

#[cfg(test)]
#[path = "workers-thumbnail/tests.rs"]
mod tests;

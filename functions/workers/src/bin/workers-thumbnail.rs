//! Handles S3's `ObjectCreated` events: creates the thumbnails of an upload.
//!
//! If the picture cannot be developed, its image gets the status `failed` and a code. If a retry may succeed, the
//! invocation fails. Lambda then retries the event, and finally sends it to `workers-upload-failed`.

use aws::CallError;
use domain::{Image, ObjectKey};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use store::{Claim, Objects, Outcome, Records};
use tracing::{error, info};
use workers::{S3Notification, UploadEvent, lease};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    workers::develop_if_asked();
    telemetry::init();
    let config = aws::config()?;
    let worker =
        ThumbnailWorker { records: Records::from_env(&config)?, objects: Objects::from_env(&config)? };
    lambda_runtime::run(service_fn(|event| worker.handle(event))).await
}

struct ThumbnailWorker {
    records: Records,
    objects: Objects,
}

/// Why an event has to be retried.
#[derive(Debug, thiserror::Error)]
enum RetryableError {
    #[error("another request develops this upload")]
    Busy,
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ThumbnailWorker {
    async fn handle(&self, event: LambdaEvent<S3Notification>) -> Result<(), Error> {
        let (notification, context) = event.into_parts();
        let mut failed = Vec::new();
        for upload in notification.uploads() {
            if let Err(error) = self.develop(&upload, &context).await {
                error!(key = %upload.key, cause = aws::causes(&error), "thumbnail generation failed, will retry");
                failed.push(upload.key.to_string());
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("thumbnail generation failed: {}", failed.join(", ")).into())
        }
    }

    async fn develop(&self, upload: &UploadEvent, context: &Context) -> Result<(), RetryableError> {
        let lease = lease(context.request_id.clone(), context);
        let (claim, profile) = tokio::try_join!(
            self.records.claim(&upload.key, &upload.sequencer, &lease, upload.at, domain::now()),
            self.records.profile_or_default(&upload.key.user),
        )?;
        match claim {
            Claim::Taken(image) => {
                let done = self.work(upload, &image, &profile.limits.thumbnail_sizes).await;
                if done.is_err()
                    && let Err(cause) = self.records.release_claim(&upload.key, &lease).await
                {
                    info!(key = %upload.key, cause = aws::causes(&cause), "releasing the claim failed, its lease will expire");
                }
                done
            }
            Claim::Busy => Err(RetryableError::Busy),
            Claim::AlreadyDone(image) => {
                info!(key = %upload.key, "ignored an event that was processed before");
                Ok(self.delete_unneeded(&upload.key, |version| image.keeps_version(version)).await?)
            }
            Claim::VersionObsolete => {
                info!(key = %upload.key, "deleted an upload: a newer one replaced it");
                Ok(self.objects.remove_version(&upload.key).await?)
            }
            // The image was deleted before its upload arrived, so nobody can access the object.
            Claim::Gone => {
                info!(key = %upload.key, "deleted an upload: its image no longer exists");
                Ok(self.objects.remove_all(&upload.key.user, upload.key.image).await?)
            }
        }
    }

    async fn work(&self, upload: &UploadEvent, image: &Image, sizes: &[u32]) -> Result<(), RetryableError> {
        let developed = match workers::check_length(image.upload.size.bytes()) {
            Ok(()) => workers::develop(&self.objects, &upload.key, sizes).await?,
            Err(failure) => Err(failure),
        };
        let (outcome, kept) = match developed {
            Ok(developed) => {
                let copies_to_dropbox = aws::is_set("DROPBOX_SECRET");
                let finished =
                    self.records.finish(&upload.key, image, developed, copies_to_dropbox, domain::now());
                (finished.await?, upload.key.version)
            }
            Err(failure) => {
                let declared = image.upload.content_type.as_str();
                info!(key = %upload.key, code = failure.code.as_str(), declared, "the upload cannot be developed");
                let outcome = self.records.fail(&upload.key, image, &failure, domain::now()).await?;
                let current = image.picture.as_ref().map(|picture| picture.version);
                (outcome, current.unwrap_or(upload.key.version))
            }
        };
        match outcome {
            Outcome::Done => {
                info!(key = %upload.key, "image state saved");
                self.delete_unneeded(&upload.key, |version| version == kept).await?;
            }
            Outcome::LeaseLost => info!(key = %upload.key, "another request took over the claim"),
            Outcome::VersionObsolete => self.objects.remove_version(&upload.key).await?,
            // The image was deleted meanwhile. Nothing else would delete the new objects.
            Outcome::Gone => self.objects.remove_all(&upload.key.user, upload.key.image).await?,
        }
        Ok(())
    }

    /// Deletes the objects of versions that are no longer needed: a replaced picture, a failed replacement, and objects
    /// that an earlier request failed to delete. There are none if the latest version is the first.
    async fn delete_unneeded(
        &self,
        latest: &ObjectKey,
        is_kept: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        if latest.version == 1 {
            return Ok(());
        }
        self.objects.remove_unneeded(latest, is_kept).await
    }
}

//! S3 `ObjectCreated`: develops an upload into its thumbnails.
//!
//! A picture that cannot be developed ends as `failed`, with a code for its owner. What may heal is an
//! error, so that Lambda tries the event again and in the end hands it to `workers-upload-failed`.

use aws::CallError;
use domain::{Image, Lease, ObjectKey};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use store::{Claim, Objects, Outcome, Records};
use tracing::{error, info};
use workers::{Notification, Uploaded};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let darkroom =
        ThumbnailWorker { records: Records::from_env(&config)?, objects: Objects::from_env(&config)? };
    lambda_runtime::run(service_fn(|event| darkroom.handle(event))).await
}

struct ThumbnailWorker {
    records: Records,
    objects: Objects,
}

/// Why an upload has to be tried again.
#[derive(Debug, thiserror::Error)]
enum Retry {
    #[error("another request is developing this upload")]
    Busy,
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ThumbnailWorker {
    async fn handle(&self, event: LambdaEvent<Notification>) -> Result<(), Error> {
        let (notification, context) = event.into_parts();
        let mut failed = Vec::new();
        for upload in notification.uploads() {
            if let Err(retry) = self.develop(&upload, &context).await {
                error!(key = %upload.key, cause = aws::causes(&retry), "to be tried again");
                failed.push(upload.key.to_string());
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("to be tried again: {}", failed.join(", ")).into())
        }
    }

    async fn develop(&self, upload: &Uploaded, context: &Context) -> Result<(), Retry> {
        let lease = Lease { owner: context.request_id.clone(), until: lease_end(context) };
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
                    info!(key = %upload.key, cause = aws::causes(&cause), "the lease has to end by itself");
                }
                done
            }
            Claim::Busy => Err(Retry::Busy),
            Claim::AlreadyDone(image) => {
                info!(key = %upload.key, "an event that was dealt with before");
                Ok(self.tidy(&upload.key, |version| image.keeps_version(version)).await?)
            }
            Claim::VersionObsolete => {
                info!(key = %upload.key, "an upload that a newer one took the place of");
                Ok(self.objects.remove_version(&upload.key).await?)
            }
            // Deleted before its upload arrived: nobody can reach the object any more.
            Claim::Gone => {
                info!(key = %upload.key, "an upload without a record");
                Ok(self.objects.remove_all(&upload.key.user, upload.key.image).await?)
            }
        }
    }

    async fn work(&self, upload: &Uploaded, image: &Image, sizes: &[u32]) -> Result<(), Retry> {
        let developed = match workers::check_length(image.upload.size.bytes()) {
            Ok(()) => workers::develop(&self.objects, &upload.key, sizes).await?,
            Err(failure) => Err(failure),
        };
        let (outcome, held) = match developed {
            Ok(developed) => {
                let copies_to_dropbox = aws::is_named("DROPBOX_SECRET");
                let finished =
                    self.records.finish(&upload.key, image, developed, copies_to_dropbox, domain::now());
                (finished.await?, upload.key.version)
            }
            Err(failure) => {
                let declared = image.upload.content_type.as_str();
                info!(key = %upload.key, code = failure.code, declared, "not developed");
                let outcome = self.records.fail(&upload.key, image, &failure, domain::now()).await?;
                let before = image.picture.as_ref().map(|picture| picture.version);
                (outcome, before.unwrap_or(upload.key.version))
            }
        };
        match outcome {
            Outcome::Done => {
                info!(key = %upload.key, "settled");
                self.tidy(&upload.key, |version| version == held).await?;
            }
            Outcome::LeaseLost => info!(key = %upload.key, "another request took over"),
            Outcome::VersionObsolete => self.objects.remove_version(&upload.key).await?,
            // Deleted meanwhile: what was stored since would stay for ever.
            Outcome::Gone => self.objects.remove_all(&upload.key.user, upload.key.image).await?,
        }
        Ok(())
    }

    /// Removes what counts no longer: the picture that was replaced, a replacement that failed, and whatever an earlier
    /// request did not come to remove. Of a first version there is nothing.
    async fn tidy(&self, latest: &ObjectKey, is_held: impl Fn(u32) -> bool) -> Result<(), CallError> {
        if latest.version == 1 {
            return Ok(());
        }
        self.objects.remove_unneeded(latest, is_held).await
    }
}

/// When this request is over, whatever becomes of it, in seconds since 1970.
fn lease_end(context: &Context) -> i64 {
    i64::try_from(context.deadline / 1000 + 1).unwrap_or(i64::MAX)
}

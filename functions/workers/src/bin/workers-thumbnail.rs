//! S3 `ObjectCreated`: develops an upload into its thumbnails.
//!
//! A picture that cannot be developed ends as `failed`, with a code for its owner. What may heal is an
//! error, so that Lambda tries the event again and in the end hands it to `workers-failed`.

use std::time::Duration;

use aws::CallError;
use domain::{Failure, Image, Lease, Placeholder, Thumbnail};
use futures_util::future::try_join_all;
use imaging::Limits;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use store::{Claim, Developed, Objects, Outcome, Records};
use tracing::{error, info};
use workers::{Notification, Uploaded};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let darkroom = Darkroom { records: Records::from_env(&config)?, objects: Objects::from_env(&config)? };
    lambda_runtime::run(service_fn(|event| darkroom.handle(event))).await
}

struct Darkroom {
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

impl Darkroom {
    /// Longer than any picture within the limits takes; less than the function's own timeout.
    const MAX_DEVELOP_TIME: Duration = Duration::from_secs(40);

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
                self.work(upload, &lease.owner, &image, &profile.limits.thumbnail_sizes).await
            }
            Claim::Busy => Err(Retry::Busy),
            Claim::Settled => {
                info!(key = %upload.key, "an event that was dealt with before");
                Ok(())
            }
            // Deleted before its upload arrived: nobody can reach the object any more.
            Claim::Gone => {
                info!(key = %upload.key, "an upload without a record");
                Ok(self.objects.remove_all(&upload.key.user, upload.key.image).await?)
            }
        }
    }

    async fn work(&self, upload: &Uploaded, owner: &str, image: &Image, sizes: &[u32]) -> Result<(), Retry> {
        let outcome = match self.thumbnails(upload, image, sizes).await? {
            Ok(developed) => self.records.finish(&upload.key, owner, &developed, domain::now()).await?,
            Err(failure) => {
                info!(key = %upload.key, code = failure.code, "not developed");
                self.records.fail(&upload.key, owner, &failure, domain::now()).await?
            }
        };
        match outcome {
            Outcome::Done => info!(key = %upload.key, "settled"),
            Outcome::Superseded => info!(key = %upload.key, "another request took over"),
            // Deleted meanwhile: what was stored since would stay for ever.
            Outcome::Gone => self.objects.remove_all(&upload.key.user, upload.key.image).await?,
        }
        Ok(())
    }

    /// Makes and stores the thumbnails, or finds out why there can be none.
    async fn thumbnails(
        &self,
        upload: &Uploaded,
        image: &Image,
        sizes: &[u32],
    ) -> Result<Result<Developed, Failure>, CallError> {
        let Some(bytes) = self.objects.original(&upload.key).await? else {
            return Ok(Err(failure(
                "upload-missing",
                "The uploaded file is no longer there. Upload it again.",
            )));
        };
        let sizes = sizes.to_vec();
        let work = tokio::task::spawn_blocking(move || imaging::develop(&bytes, &sizes, &Limits::default()));
        let developed = match tokio::time::timeout(Self::MAX_DEVELOP_TIME, work).await {
            Ok(Ok(Ok(developed))) => developed,
            Ok(Ok(Err(error))) => {
                info!(key = %upload.key, declared = image.upload.content_type.as_str(), cause = ?error, "refused");
                return Ok(Err(failure(error.code(), &error.to_string())));
            }
            Ok(Err(panic)) => return Err(CallError::internal(panic)),
            Err(_elapsed) => return Ok(Err(failure("timeout", "The image took too long to process."))),
        };
        let stored = developed.thumbnails.iter().map(|made| Thumbnail {
            size: made.size,
            width: made.width,
            height: made.height,
            content_type: made.content_type.to_owned(),
        });
        let stored = stored.collect();
        let placeholder =
            Placeholder { thumbhash: developed.placeholder.thumbhash, color: developed.placeholder.color };
        try_join_all(
            developed.thumbnails.into_iter().map(|made| {
                self.objects.put_thumbnail(&upload.key, made.size, made.content_type, made.bytes)
            }),
        )
        .await?;
        Ok(Ok(Developed {
            width: developed.width,
            height: developed.height,
            thumbnails: stored,
            placeholder,
        }))
    }
}

fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned() }
}

/// When this request is over, whatever becomes of it, in seconds since 1970.
fn lease_end(context: &Context) -> i64 {
    i64::try_from(context.deadline / 1000 + 1).unwrap_or(i64::MAX)
}

//! Thumbnails in sizes that the tier gained after the upload.
//!
//! The first request for a missing size claims it on the image and invokes `workers-resize`. The others read the image
//! until the thumbnail is there, for at most three seconds, and then answer 503 with `Retry-After`. So the original is
//! developed once, however many clients ask at the same time, and however long it takes.

use std::time::Duration;

use api::{Problem, ProblemCode};
use aws::CallError;
use aws_sdk_lambda::{
    Client, Config,
    config::{http::HttpResponse, retry::RetryConfig},
    error::SdkError,
    operation::invoke::{InvokeError, InvokeOutput},
    primitives::Blob,
};
use aws_types::SdkConfig;
use domain::{Failure, Image, ImageId, Lease, ObjectKey, Picture, Thumbnail, Tier, Timestamp, UserId};
use serde::Deserialize;
use serde_json::json;
use store::Records;

/// How long a claim lasts if nobody ends it, in seconds. Longer than the start (10) and the timeout (60) of
/// `workers-resize` together, so no other request takes over while the worker runs.
const CLAIM_SECONDS: i64 = 75;

/// The pauses before a waiting request reads the image again, in milliseconds. Together three seconds.
const PAUSES: [u64; 5] = [250, 500, 750, 750, 750];

/// Invokes `workers-resize` and waits for its response.
#[derive(Debug)]
pub struct ResizeWorker {
    lambda: Client,
    function: String,
}

/// The response of `workers-resize`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Thumbnails(Vec<Thumbnail>),
    Failure(Failure),
}

/// Why a request could not have thumbnails made.
struct ResizeError {
    problem: Problem,
    /// Whether the worker did not start. It then never ends the claim.
    is_idle: bool,
}

impl ResizeWorker {
    /// The function that `RESIZE_FUNCTION` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("RESIZE_FUNCTION")?))
    }

    /// The function with this name.
    #[must_use]
    pub fn new(config: &SdkConfig, function: String) -> Self {
        // A second attempt would run the worker a second time, while it still works on the first one.
        let config = Config::from(config)
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(aws::timeouts(None))
            .build();
        Self { lambda: Client::from_conf(config), function }
    }

    /// The thumbnail of a size that the picture lacks, with the key of its original. The size must be one of the tier's.
    ///
    /// # Errors
    /// 409 `image-not-ready` if the original cannot be developed. 503 if another request has it made and this takes
    /// long, or if the worker fails.
    pub async fn thumbnail(
        &self,
        records: &Records,
        user: &UserId,
        image: &Image,
        picture: &Picture,
        (tier, size): (&Tier, u32),
        now: Timestamp,
    ) -> Result<(ObjectKey, Thumbnail), Problem> {
        let original = image.key_of(user, picture.version);
        let owner = ImageId::generate().to_string();
        let lease = Lease { owner, until: now.as_second() + CLAIM_SECONDS };
        if !records.claim_resize(&original, picture, &lease, now).await? {
            return wait(records, user, image.id, size).await;
        }
        let created = match self.invoke(&original, &missing_sizes(picture, tier), &lease.owner).await {
            Ok(created) => created,
            Err(error) => {
                if error.is_idle {
                    records.release_resize(&original, &lease.owner).await?;
                }
                return Err(error.problem);
            }
        };
        let thumbnail = find_thumbnail(&created, size)
            .ok_or_else(|| Problem::internal("workers-resize returned no thumbnail of the requested size"))?;
        Ok((original, thumbnail))
    }

    async fn invoke(
        &self,
        original: &ObjectKey,
        sizes: &[u32],
        owner: &str,
    ) -> Result<Vec<Thumbnail>, ResizeError> {
        let payload = json!({"original": original.to_string(), "sizes": sizes, "owner": owner}).to_string();
        let call = self.lambda.invoke().function_name(&self.function).payload(Blob::new(payload));
        let answer = call.send().await.map_err(|error| {
            let is_idle = was_refused(&error);
            ResizeError { problem: CallError::from(error).into(), is_idle }
        })?;
        read(answer).map_err(|problem| ResizeError { problem, is_idle: false })
    }
}

/// Whether Lambda refused to run the function, for example because too many functions run.
fn was_refused(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(refusal) if refusal.raw().status().is_client_error())
}

fn read(answer: InvokeOutput) -> Result<Vec<Thumbnail>, Problem> {
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if let Some(error) = answer.function_error {
        let cause = format!("workers-resize: {error}: {}", String::from_utf8_lossy(&payload));
        return Err(CallError::Unavailable(cause.into()).into());
    }
    match serde_json::from_slice(&payload).map_err(Problem::internal)? {
        Answer::Thumbnails(thumbnails) => Ok(thumbnails),
        Answer::Failure(failure) => Err(Problem::new(ProblemCode::ImageNotReady, failure.detail)),
    }
}

/// Waits until another request has added the thumbnail. If the picture is replaced meanwhile, the new picture's
/// thumbnail counts.
async fn wait(
    records: &Records,
    user: &UserId,
    id: ImageId,
    size: u32,
) -> Result<(ObjectKey, Thumbnail), Problem> {
    for pause in PAUSES {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let image = records.image(user, id, domain::now()).await?.ok_or_else(Problem::not_found)?;
        if let Some(picture) = &image.picture
            && let Some(thumbnail) = find_thumbnail(&picture.thumbnails, size)
        {
            return Ok((image.key_of(user, picture.version), thumbnail));
        }
    }
    let detail = "This thumbnail is being made. Try again in a few seconds.";
    Err(Problem::new(ProblemCode::Unavailable, detail).retry_after(2))
}

/// The thumbnail of this size, if it exists.
#[must_use]
pub fn find_thumbnail(thumbnails: &[Thumbnail], size: u32) -> Option<Thumbnail> {
    thumbnails.iter().find(|thumbnail| thumbnail.size == size).cloned()
}

/// The sizes of the tier that the picture lacks. The worker creates all of them from one decoding.
fn missing_sizes(picture: &Picture, tier: &Tier) -> Vec<u32> {
    let has = |size: &u32| picture.thumbnails.iter().any(|thumbnail| thumbnail.size == *size);
    tier.thumbnail_sizes.iter().copied().filter(|size| !has(size)).collect()
}

//! Thumbnails in sizes that the tier gained after the upload.
//!
//! The first request for a missing size claims it on the image and invokes `workers-render`. The others read the image
//! until the thumbnail is there, for at most three seconds, and then answer 503 with `Retry-After`. So the original is
//! developed once, however many clients ask at the same time, and however long it takes.

use std::time::Duration;

use api::{Problem, ProblemCode};
use aws_types::SdkConfig;
use domain::{Failure, Image, ImageId, Lease, ObjectKey, Picture, Thumbnail, Tier, Timestamp, UserId};
use serde::Deserialize;
use serde_json::json;
use store::Records;

use crate::invoke::{CLAIM_SECONDS, PAUSES, ResizeFunction};

/// Has thumbnails made by `workers-render`.
#[derive(Debug)]
pub struct ResizeWorker(ResizeFunction);

/// The response of `workers-render`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Thumbnails(Vec<Thumbnail>),
    Failure(Failure),
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
        Self(ResizeFunction::new(config, function))
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
        let sizes = missing_sizes(picture, tier);
        let order = json!({"original": original.to_string(), "sizes": sizes, "owner": lease.owner});
        let created = match self.0.invoke(&order).await {
            Ok(Answer::Thumbnails(thumbnails)) => thumbnails,
            Ok(Answer::Failure(failure)) => {
                return Err(Problem::new(ProblemCode::ImageNotReady, failure.detail));
            }
            Err(error) => {
                if error.is_idle {
                    records.release_resize(&original, &lease.owner).await?;
                }
                return Err(error.problem);
            }
        };
        let thumbnail = find_thumbnail(&created, size)
            .ok_or_else(|| Problem::internal("workers-render returned no thumbnail of the requested size"))?;
        Ok((original, thumbnail))
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

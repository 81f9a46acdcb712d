//! Renditions, which are made when a client asks for them.
//!
//! The first request for a rendition claims it and invokes `workers-render`. The others read the rendition's item until
//! it is there, for at most three seconds, and then answer 503 with `Retry-After`. So a rendition is made once, however
//! many clients ask at the same time.

use std::time::Duration;

use api::{Problem, ProblemCode};
use aws_types::SdkConfig;
use domain::{
    Failure, Image, ImageId, Lease, ObjectKey, Picture, Rendition, StoredRendition, Timestamp, UserId,
};
use serde::Deserialize;
use serde_json::json;
use store::{MadeRendition, Records, RenditionClaim, RenditionItem};

use crate::invoke::{CLAIM_SECONDS, PAUSES, ResizeFunction};

/// Has renditions made by `workers-render`.
#[derive(Debug)]
pub struct RenditionWorker(ResizeFunction);

/// The response of `workers-render`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Rendition(MadeRendition),
    Failure(Failure),
}

/// What to do next about a rendition.
enum Step {
    /// It is there.
    Done(StoredRendition),
    /// Claim it.
    Claim,
    /// Wait for the request that has claimed it.
    Wait,
}

impl RenditionWorker {
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

    /// A rendition of a picture. It is made now if it does not exist yet. The gravity `auto` is the image's focal point. The
    /// caller has already let `Accept` choose the format.
    ///
    /// # Errors
    /// 409 `image-not-ready` if the original cannot be developed. 409 `too-many-renditions` if the picture has as many
    /// renditions as it may. 404 if the image was deleted meanwhile. 503 if the picture was replaced meanwhile, if another
    /// request has the rendition made and this takes long, or if the worker fails.
    pub async fn rendition(
        &self,
        records: &Records,
        user: &UserId,
        image: &Image,
        picture: &Picture,
        rendition: &Rendition,
        now: Timestamp,
    ) -> Result<StoredRendition, Problem> {
        let rendition = rendition.clone().with_focal_point(image.focal_point);
        let found = records.rendition(user, image.id, &rendition).await?;
        let original = image.key_of(user, picture.version);
        self.rendition_found(records, &original, picture, &rendition, found, now).await
    }

    /// As [`RenditionWorker::rendition`], if the caller has read the rendition's item. `original` is the key of the
    /// picture's original, and the focal point was applied to `rendition`.
    ///
    /// # Errors
    /// As [`RenditionWorker::rendition`].
    pub async fn rendition_found(
        &self,
        records: &Records,
        original: &ObjectKey,
        picture: &Picture,
        rendition: &Rendition,
        mut found: Option<RenditionItem>,
        now: Timestamp,
    ) -> Result<StoredRendition, Problem> {
        let owner = ImageId::generate().to_string();
        let lease = Lease { owner, until: now.as_second() + CLAIM_SECONDS };
        let mut pauses = PAUSES.into_iter();
        loop {
            match next_step(found.as_ref(), original, rendition, now)? {
                Step::Done(stored) => return Ok(stored),
                Step::Wait => {}
                Step::Claim => {
                    match records.claim_rendition(original, rendition, found.as_ref(), &lease, now).await? {
                        RenditionClaim::Taken => {
                            return self.make(records, original, picture, rendition, &lease.owner).await;
                        }
                        RenditionClaim::Busy => {}
                        RenditionClaim::TooMany => return Err(too_many()),
                        RenditionClaim::Gone => return Err(Problem::not_found()),
                        RenditionClaim::PictureChanged => return Err(replaced()),
                    }
                }
            }
            let Some(pause) = pauses.next() else {
                let detail = "This rendition is being made. Try again in a few seconds.";
                return Err(Problem::new(ProblemCode::Unavailable, detail).retry_after(2));
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            found = records.rendition(&original.user, original.image, rendition).await?;
        }
    }

    /// Has the worker make a rendition that this request has claimed.
    async fn make(
        &self,
        records: &Records,
        original: &ObjectKey,
        picture: &Picture,
        rendition: &Rendition,
        owner: &str,
    ) -> Result<StoredRendition, Problem> {
        let order = json!({
            "original": original.to_string(), "width": picture.width, "height": picture.height,
            "rendition": rendition, "owner": owner,
        });
        match self.0.invoke(&order).await {
            Ok(Answer::Rendition(made)) => Ok(made.stored(original, rendition)),
            Ok(Answer::Failure(failure)) => Err(cannot_be_made(&failure)),
            Err(error) => {
                // If it started, it ends the claim.
                if error.is_idle {
                    records.release_rendition(original, rendition, owner).await?;
                }
                Err(error.problem)
            }
        }
    }
}

/// # Errors
/// 409 if the rendition cannot be made.
fn next_step(
    found: Option<&RenditionItem>,
    original: &ObjectKey,
    rendition: &Rendition,
    now: Timestamp,
) -> Result<Step, Problem> {
    let Some(found) = found.filter(|found| found.version == original.version) else { return Ok(Step::Claim) };
    if let Some(failure) = &found.failure {
        return Err(cannot_be_made(failure));
    }
    Ok(match (&found.made, &found.lease) {
        (Some(made), _) => Step::Done(made.clone().stored(original, rendition)),
        (None, Some(lease)) if lease.until >= now.as_second() => Step::Wait,
        (None, _) => Step::Claim,
    })
}

fn cannot_be_made(failure: &Failure) -> Problem {
    Problem::new(ProblemCode::ImageNotReady, failure.detail.clone())
}

fn replaced() -> Problem {
    let detail = "The picture of this image has just been replaced. Try again.";
    Problem::new(ProblemCode::Unavailable, detail).retry_after(1)
}

fn too_many() -> Problem {
    let most = Rendition::MAX_PER_PICTURE;
    let detail = format!("This picture already has {most} renditions. Use one of them.");
    Problem::new(ProblemCode::TooManyRenditions, detail).with("max_renditions", most)
}

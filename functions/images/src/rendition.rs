//! Renditions, which are made when a client asks for them.
//!
//! The first request for a rendition claims it and invokes `workers-render`. The others pause until the rendition
//! usually exists, and read its item once. If it does not exist yet, they answer 503 with `Retry-After`. So a rendition
//! is made once, however many clients ask at the same time.

use api::{Problem, ProblemCode};
use aws_types::SdkConfig;
use domain::{
    Failure, Fit, Image, Lease, ObjectKey, Picture, Rendition, RenditionFormat, RenditionOptions,
    StoredRendition, Timestamp, UserId,
};
use serde::Deserialize;
use serde_json::json;
use store::{MadeRendition, Records, RenditionClaim, RenditionItem};

use crate::{claim, invoke::ResizeFunction};

/// The most pixels of an AVIF. `workers-render` makes a WebP of a larger rendition.
const MAX_AVIF_PIXELS: u64 = 2_500_000;

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
    /// Wait for the request that holds this claim.
    Wait(Lease),
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
    /// No call if the rendition exists. One call if another request has claimed it. Two calls if this request tries to
    /// claim it, whether it then makes the rendition or waits. Two calls more if the other claim ends without a result.
    ///
    /// # Errors
    /// As [`RenditionWorker::rendition`].
    pub async fn rendition_found(
        &self,
        records: &Records,
        original: &ObjectKey,
        picture: &Picture,
        rendition: &Rendition,
        found: Option<RenditionItem>,
        now: Timestamp,
    ) -> Result<StoredRendition, Problem> {
        let held = match self.try_make(records, original, picture, rendition, found, now).await? {
            Ok(stored) => return Ok(stored),
            Err(held) => held,
        };
        let usual = usual_time(picture, rendition);
        tokio::time::sleep(claim::pause(held.as_ref(), usual, domain::now())).await;
        let found = records.rendition(&original.user, original.image, rendition).await?;
        let made = self.try_make(records, original, picture, rendition, found, domain::now()).await?;
        made.map_err(|_held| {
            let detail = "This rendition is being made. Try again in a few seconds.";
            Problem::new(ProblemCode::Unavailable, detail).retry_after(2)
        })
    }

    /// The rendition, if it exists or this request can claim it. Otherwise the claim of another request, if it is known.
    async fn try_make(
        &self,
        records: &Records,
        original: &ObjectKey,
        picture: &Picture,
        rendition: &Rendition,
        found: Option<RenditionItem>,
        now: Timestamp,
    ) -> Result<Result<StoredRendition, Option<Lease>>, Problem> {
        let mut step = next_step(found.as_ref(), original, rendition, now)?;
        if matches!(step, Step::Claim) {
            let lease = claim::new_claim(now);
            step = match records.claim_rendition(original, rendition, found.as_ref(), &lease, now).await? {
                RenditionClaim::Taken => {
                    return self.make(records, original, picture, rendition, &lease.owner).await.map(Ok);
                }
                RenditionClaim::Busy(found) => next_step(found.as_ref(), original, rendition, now)?,
                RenditionClaim::TooMany => return Err(too_many()),
                RenditionClaim::Gone => return Err(Problem::not_found()),
                RenditionClaim::PictureChanged => return Err(replaced()),
            };
        }
        Ok(match step {
            Step::Done(stored) => Ok(stored),
            Step::Wait(lease) => Err(Some(lease)),
            // The claim of the other request is not known, or has already ended without a result.
            Step::Claim => Err(None),
        })
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
        (None, Some(lease)) if claim::is_held(lease, now) => Step::Wait(lease.clone()),
        (None, _) => Step::Claim,
    })
}

/// How long `workers-render` usually needs from the claim to the rendition, in milliseconds.
fn usual_time(picture: &Picture, rendition: &Rendition) -> u64 {
    let Rendition::Picture(options) = rendition else { return claim::time_for_copy(picture) };
    let pixels = pixels(picture, options);
    let format = match options.format() {
        RenditionFormat::Avif if pixels > MAX_AVIF_PIXELS => RenditionFormat::Webp,
        format => format,
    };
    claim::time_for_pictures(picture, claim::encoding(format, pixels))
}

/// The number of pixels of a rendition, without a border.
fn pixels(picture: &Picture, options: &RenditionOptions) -> u64 {
    // A picture has at least one pixel.
    let [width, height] = [picture.width, picture.height].map(|side| u64::from(side.max(1)));
    let [wanted_width, wanted_height] = [options.width(), options.height()].map(|side| side.map(u64::from));
    // The number with the shape of the picture, if this side is as long as requested.
    let by_width = wanted_width.map(|side| side * side * height / width);
    let by_height = wanted_height.map(|side| side * side * width / height);
    let pixels = match options.fit() {
        Fit::Cover | Fit::Crop => wanted_width.zip(wanted_height).map(|(width, height)| width * height),
        Fit::ScaleDown | Fit::Contain | Fit::Pad => by_width.into_iter().chain(by_height).min(),
    };
    // A picture is never enlarged.
    let all = claim::pixels(picture);
    pixels.unwrap_or(all).min(all)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::tests::picture;

    fn options(query: &str) -> RenditionOptions {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        RenditionOptions::from_query(pairs).unwrap()
    }

    #[test]
    fn a_larger_rendition_and_a_slower_format_take_longer() {
        let photo = picture("image/jpeg");
        for (query, milliseconds) in [
            ("width=640&format=jpeg", 949),
            ("width=640&format=webp", 979),
            ("width=640&format=avif", 1_370),
            ("width=1600&format=avif", 3_628),
            // Too large for AVIF.
            ("width=2400&format=avif", 1_501),
        ] {
            assert_eq!(usual_time(&photo, &Rendition::Picture(options(query))), milliseconds, "{query}");
        }
        assert_eq!(usual_time(&photo, &Rendition::StrippedOriginal), 960);
    }

    #[test]
    fn the_pixels_of_a_rendition_follow_from_the_picture_and_the_area() {
        let photo = picture("image/jpeg");
        for (query, pixels_of_it) in [
            ("width=400", 400 * 300),
            ("height=300", 400 * 300),
            ("width=400&height=400", 400 * 300),
            ("width=4096&height=300", 400 * 300),
            ("width=400&height=400&fit=pad", 400 * 300),
            ("width=400&height=400&fit=cover", 400 * 400),
            ("width=300&height=400&fit=crop", 300 * 400),
            // No picture is enlarged.
            ("width=4096&height=4096", 4_000 * 3_000),
            ("width=4096&height=4096&fit=cover", 4_000 * 3_000),
        ] {
            assert_eq!(pixels(&photo, &options(query)), pixels_of_it, "{query}");
        }
    }
}

//! Thumbnails in sizes that the tier gained after the upload.
//!
//! The first request for a missing size claims it on the image and invokes `workers-render`. The others pause until the
//! thumbnail usually exists, and read the image once. If it does not exist yet, they answer 503 with `Retry-After`. So
//! the original is developed once, however many clients ask at the same time, and however long it takes.

use api::{Problem, ProblemCode};
use aws_types::SdkConfig;
use domain::{
    Failure, Image, Lease, ObjectKey, Picture, RenditionFormat, Thumbnail, Tier, Timestamp, UserId,
};
use serde::Deserialize;
use serde_json::json;
use store::{Records, ResizeClaim};

use crate::{claim, invoke::ResizeFunction};

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
    /// `held` is the claim on missing thumbnails of the picture, as it was read with the image.
    ///
    /// One call if another request has claimed the thumbnails. Two calls if this request tries to claim them, whether it
    /// then makes them or waits.
    ///
    /// # Errors
    /// 409 `image-not-ready` if the original cannot be developed. 503 if another request has it made and this takes
    /// long, or if the worker fails.
    pub async fn thumbnail(
        &self,
        records: &Records,
        user: &UserId,
        (image, picture): (&Image, &Picture),
        held: Option<Lease>,
        (tier, size): (&Tier, u32),
        now: Timestamp,
    ) -> Result<(ObjectKey, Thumbnail), Problem> {
        let sizes = missing_sizes(picture, tier);
        let held = match held.filter(|held| claim::is_held(held, now)) {
            Some(held) => held,
            None => {
                let original = image.key_of(user, picture.version);
                let lease = claim::new_claim(now);
                match records.claim_resize(&original, picture, &lease, now).await? {
                    ResizeClaim::Taken => {
                        return self.make(records, original, size, &sizes, &lease.owner).await;
                    }
                    ResizeClaim::Gone => return Err(Problem::not_found()),
                    ResizeClaim::Refused(image, held) => {
                        // If the picture was replaced meanwhile, the new picture's thumbnail counts.
                        if let Some(thumbnail) = stored_thumbnail(user, &image, size) {
                            return Ok(thumbnail);
                        }
                        held.ok_or_else(being_made)?
                    }
                }
            }
        };
        let usual = usual_time(picture, &sizes);
        tokio::time::sleep(claim::pause(Some(&held), usual, domain::now())).await;
        let image = records.image(user, image.id, domain::now()).await?.ok_or_else(Problem::not_found)?;
        stored_thumbnail(user, &image, size).ok_or_else(being_made)
    }

    /// Has the worker make the thumbnails that this request has claimed, and returns that of one size.
    async fn make(
        &self,
        records: &Records,
        original: ObjectKey,
        size: u32,
        sizes: &[u32],
        owner: &str,
    ) -> Result<(ObjectKey, Thumbnail), Problem> {
        let order = json!({"original": original.to_string(), "sizes": sizes, "owner": owner});
        let created = match self.0.invoke(&order).await {
            Ok(Answer::Thumbnails(thumbnails)) => thumbnails,
            Ok(Answer::Failure(failure)) => {
                return Err(Problem::new(ProblemCode::ImageNotReady, failure.detail));
            }
            Err(error) => {
                if error.is_idle {
                    records.release_resize(&original, owner).await?;
                }
                return Err(error.problem);
            }
        };
        let thumbnail = find_thumbnail(&created, size)
            .ok_or_else(|| Problem::internal("workers-render returned no thumbnail of the requested size"))?;
        Ok((original, thumbnail))
    }
}

/// The thumbnail of this size of the image's picture, with the key of its original.
fn stored_thumbnail(user: &UserId, image: &Image, size: u32) -> Option<(ObjectKey, Thumbnail)> {
    let picture = image.picture.as_ref()?;
    let thumbnail = find_thumbnail(&picture.thumbnails, size)?;
    Some((image.key_of(user, picture.version), thumbnail))
}

fn being_made() -> Problem {
    let detail = "This thumbnail is being made. Try again in a few seconds.";
    Problem::new(ProblemCode::Unavailable, detail).retry_after(2)
}

/// How long `workers-render` usually needs from the claim to thumbnails of these sizes, in milliseconds.
fn usual_time(picture: &Picture, sizes: &[u32]) -> u64 {
    let all = claim::pixels(picture);
    let pixels: u64 = sizes.iter().map(|size| u64::from(*size).pow(2).min(all)).sum();
    // The new thumbnails have the format of the others, unless an admin has changed it.
    let format = match picture.thumbnails.first().map(|thumbnail| thumbnail.content_type.as_str()) {
        Some("image/avif") => RenditionFormat::Avif,
        Some("image/webp") => RenditionFormat::Webp,
        _ => RenditionFormat::Jpeg,
    };
    claim::time_for_pictures(picture, claim::encoding(format, pixels))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::tests::picture;

    #[test]
    fn more_sizes_and_a_slower_format_take_longer() {
        let mut photo = picture("image/jpeg");
        assert_eq!(usual_time(&photo, &[400]), 944);
        for (content_type, milliseconds) in
            [("image/jpeg", 988), ("image/webp", 1_148), ("image/avif", 3_180)]
        {
            let content_type = content_type.to_owned();
            photo.thumbnails = vec![Thumbnail { size: 200, width: 200, height: 150, content_type }];
            assert_eq!(usual_time(&photo, &[400, 1200]), milliseconds);
        }
        (photo.width, photo.height) = (100, 100);
        assert_eq!(usual_time(&photo, &[400, 1200]), 908);
    }
}

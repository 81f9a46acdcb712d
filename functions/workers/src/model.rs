//! What the workers that ask a model share: the provider, its key, and the picture that is sent.

use std::time::Duration;

use aws::CallError;
use aws_types::SdkConfig;
use domain::{Image, ObjectKey, Thumbnail, UserId};
use imaging::{Output, Settings};
use lambda_runtime::Error;
use providers::{Http, OpenAi, Picture, ProviderError, Secret};
use store::Objects;
use tokio::sync::Semaphore;

use crate::{JobError, failure};

/// A model and the key to it.
#[derive(Debug)]
pub struct Model {
    /// The provider.
    pub provider: OpenAi,
    secret: Secret,
}

impl Model {
    /// The model that a variable names, at `AI_BASE_URL`, waited for as long as another says, with the key in the
    /// secret that `AI_SECRET` names.
    ///
    /// # Errors
    /// A variable that is missing or no number, or a system without certificates.
    pub fn from_env(config: &SdkConfig, model: &'static str, seconds: &'static str) -> Result<Self, Error> {
        let time = Duration::from_secs(aws::var(seconds)?.parse()?);
        let provider = OpenAi::new(Http::new()?, &aws::var("AI_BASE_URL")?, aws::var(model)?, time);
        Ok(Self { provider, secret: Secret::from_env(config, "AI_SECRET")? })
    }

    /// Does something with the key. A key that is not accepted is read again for the next attempt.
    ///
    /// # Errors
    /// [`JobError`]
    pub async fn with_key<T>(
        &self,
        work: impl AsyncFnOnce(&str) -> Result<T, ProviderError>,
    ) -> Result<T, JobError> {
        with_secret(&self.secret, work).await
    }
}

/// Does something with a secret. One that is not accepted is read again for the next attempt.
///
/// # Errors
/// [`JobError`]
pub async fn with_secret<T, E: Into<JobError>>(
    secret: &Secret,
    work: impl AsyncFnOnce(&str) -> Result<T, E>,
) -> Result<T, JobError> {
    let text = secret.get().await?;
    let outcome = work(&text).await.map_err(Into::into);
    if matches!(&outcome, Err(JobError::Provider(error)) if error.is_credentials()) {
        secret.forget().await;
    }
    outcome
}

/// The picture of an image as a model gets it: the largest thumbnail within what models look at, upright and
/// without metadata, in a format that they take. Never the original.
///
/// # Errors
/// A failure for its owner where there is no such picture any more, or AWS's.
pub async fn picture_for_model(
    objects: &Objects,
    user: &UserId,
    image: &Image,
    version: u32,
) -> Result<Picture, JobError> {
    let gone = || JobError::Permanent(failure("no-picture", "The image has no such picture."));
    let picture = image.picture.as_ref().filter(|picture| picture.version == version).ok_or_else(gone)?;
    let thumbnail = best(&picture.thumbnails).ok_or_else(gone)?;
    let original = ObjectKey { user: user.clone(), image: image.id, version };
    let bytes = objects.thumbnail(&original, thumbnail).await?.ok_or_else(gone)?;
    let picture = Picture {
        bytes,
        content_type: thumbnail.content_type.clone(),
        width: thumbnail.width,
        height: thumbnail.height,
    };
    if picture.content_type != "image/avif" {
        return Ok(picture);
    }
    let _turn = CONVERTING.acquire().await.map_err(CallError::internal)?;
    let converted = tokio::task::spawn_blocking(move || without_avif(picture)).await;
    Ok(converted.map_err(CallError::internal)??)
}

/// One after the other: a function has memory for one decoded picture.
static CONVERTING: Semaphore = Semaphore::const_new(1);

/// An AVIF as JPEG, or as WebP where it has transparency: no model takes AVIF.
fn without_avif(picture: Picture) -> Result<Picture, CallError> {
    let side = picture.width.max(picture.height);
    let settings = Settings { output: Output::Auto, ..Settings::default() };
    let developed = imaging::develop(&picture.bytes, &[side], &settings).map_err(CallError::internal)?;
    let made = developed.thumbnails.into_iter().next();
    let made = made.ok_or_else(|| CallError::internal("the engine left out a size"))?;
    Ok(Picture { bytes: made.bytes.into(), content_type: made.content_type.to_owned(), ..picture })
}

/// Models see no more than some 2,000 pixels, and cost by the pixel.
fn best(thumbnails: &[Thumbnail]) -> Option<&Thumbnail> {
    const MAX_SIDE: u32 = 2048;
    let side = |thumbnail: &&Thumbnail| thumbnail.width.max(thumbnail.height);
    let within = thumbnails.iter().filter(|thumbnail| side(thumbnail) <= MAX_SIDE).max_by_key(side);
    within.or_else(|| thumbnails.iter().min_by_key(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_gets_an_avif_as_jpeg() {
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        let settings = Settings { output: Output::Avif, ..Settings::default() };
        let avif = imaging::develop(gif, &[200], &settings).unwrap().thumbnails.remove(0);
        assert_eq!(avif.content_type, "image/avif");
        let (width, height) = (avif.width, avif.height);
        let content_type = avif.content_type.to_owned();
        let picture = Picture { bytes: avif.bytes.into(), content_type, width, height };
        let converted = without_avif(picture).unwrap();
        assert_eq!(
            (converted.content_type.as_str(), converted.width, converted.height),
            ("image/jpeg", 1, 1)
        );
        assert!(converted.bytes.starts_with(b"\xff\xd8\xff"));
    }
}

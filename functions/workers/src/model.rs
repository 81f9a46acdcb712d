//! Code that the AI workers share: the provider, its key, and the picture for the model.

use std::time::{Duration, Instant};

use aws::{CallError, Secret};
use aws_types::SdkConfig;
use domain::{Image, ObjectKey, Thumbnail, UserId};
use imaging::{Output, Settings};
use lambda_runtime::Error;
use providers::{Http, OpenAi, Picture, ProviderError};
use store::Objects;
use telemetry::Measurement;
use tokio::sync::Semaphore;

use crate::{JobError, no_picture};

/// A model and the secret with its key.
#[derive(Debug)]
pub struct Model {
    /// The provider.
    pub provider: OpenAi,
    secret: Secret,
    /// The name of the calls in metrics.
    operation: &'static str,
}

impl Model {
    /// The provider at `AI_BASE_URL`. Metrics count the calls as `operation`. The variable `model` contains the name of
    /// the model, and the variable `seconds` how long to wait for an answer. The key is in the secret that `AI_SECRET`
    /// names.
    ///
    /// # Errors
    /// A variable is missing or not a number, or the system has no root certificates.
    pub fn from_env(
        config: &SdkConfig,
        operation: &'static str,
        model: &'static str,
        seconds: &'static str,
    ) -> Result<Self, Error> {
        let time = Duration::from_secs(aws::var(seconds)?.parse()?);
        let provider = OpenAi::new(Http::new()?, &aws::var("AI_BASE_URL")?, aws::var(model)?, time);
        Ok(Self::new(provider, Secret::from_env(config, "AI_SECRET")?, operation))
    }

    /// The provider whose key is in this secret. Metrics count the calls as `operation`.
    #[must_use]
    pub fn new(provider: OpenAi, secret: Secret, operation: &'static str) -> Self {
        Self { provider, secret, operation }
    }

    /// Calls the provider with the key. If the provider rejects the key, the next attempt reads it again.
    ///
    /// # Errors
    /// [`JobError`]
    pub async fn with_key<T>(
        &self,
        call: impl AsyncFnOnce(&str) -> Result<T, ProviderError>,
    ) -> Result<T, JobError> {
        let call = async |key: &str| {
            let start = Instant::now();
            let outcome = call(key).await;
            let (time, is_failure) = (start.elapsed(), outcome.is_err());
            Measurement::AiCall { operation: self.operation, time, is_failure }.record("AI provider called");
            outcome
        };
        with_secret(&self.secret, call).await
    }
}

/// Calls a provider with a secret. If the provider rejects the secret, the next attempt reads it again.
///
/// # Errors
/// [`JobError`]
pub async fn with_secret<T, E: Into<JobError>>(
    secret: &Secret,
    call: impl AsyncFnOnce(&str) -> Result<T, E>,
) -> Result<T, JobError> {
    let text = secret.get().await?;
    let outcome = call(&text).await.map_err(Into::into);
    if matches!(&outcome, Err(JobError::Provider(error)) if error.is_credentials()) {
        secret.forget().await;
    }
    outcome
}

/// The picture that a model receives: the largest thumbnail that models use fully, in a format that they accept.
/// Thumbnails are upright and have no metadata. A model never receives the original.
///
/// # Errors
/// [`JobError::Permanent`] if the image no longer has this picture, [`JobError::Aws`] if a call fails.
pub async fn picture_for_model(
    objects: &Objects,
    user: &UserId,
    image: &Image,
    version: u32,
) -> Result<Picture, JobError> {
    let picture =
        image.picture.as_ref().filter(|picture| picture.version == version).ok_or_else(no_picture)?;
    let thumbnail = best_thumbnail(&picture.thumbnails).ok_or_else(no_picture)?;
    let original = ObjectKey { user: user.clone(), image: image.id, version };
    let bytes = objects.thumbnail(&original, thumbnail).await?.ok_or_else(no_picture)?;
    let picture = Picture {
        bytes,
        content_type: thumbnail.content_type.clone(),
        width: thumbnail.width,
        height: thumbnail.height,
    };
    if is_for_models(&picture) {
        return Ok(picture);
    }
    let _permit = CONVERSION.acquire().await.map_err(CallError::internal)?;
    let converted = tokio::task::spawn_blocking(move || convert(picture)).await;
    Ok(converted.map_err(CallError::internal)??)
}

/// Allows one conversion at a time, because a function has memory for one decoded picture.
static CONVERSION: Semaphore = Semaphore::const_new(1);

/// Whether models accept a thumbnail as it is. No model accepts AVIF. OpenAI accepts no animated GIF, and says nothing
/// of animated WebP.
fn is_for_models(picture: &Picture) -> bool {
    picture.content_type != "image/avif" && !imaging::is_animated(&picture.bytes)
}

/// Converts the picture, or the first frame of an animation, to JPEG, or to WebP if it has transparency.
fn convert(picture: Picture) -> Result<Picture, CallError> {
    let side = picture.width.max(picture.height);
    let settings = Settings { output: Output::Auto, ..Settings::default() };
    let developed = imaging::develop(&picture.bytes, &[side], &settings).map_err(CallError::internal)?;
    let made = developed.thumbnails.into_iter().next();
    let made = made.ok_or_else(|| CallError::internal("the engine returned no thumbnail"))?;
    Ok(Picture { bytes: made.bytes.into(), content_type: made.content_type.to_owned(), ..picture })
}

/// The largest thumbnail within 2,048 pixels, or else the smallest one. Models scale larger pictures down, and charge
/// by the pixel.
fn best_thumbnail(thumbnails: &[Thumbnail]) -> Option<&Thumbnail> {
    const MAX_SIDE: u32 = 2048;
    let side = |thumbnail: &&Thumbnail| thumbnail.width.max(thumbnail.height);
    let within = thumbnails.iter().filter(|thumbnail| side(thumbnail) <= MAX_SIDE).max_by_key(side);
    within.or_else(|| thumbnails.iter().min_by_key(side))
}

#[cfg(test)]
mod tests {
    use imaging::Animation;

    use super::*;

    /// The thumbnail of a GIF with a white and a black frame of one pixel.
    fn thumbnail(settings: Settings) -> Picture {
        const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0\
            ,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0,\0\0\0\0\x01\0\x01\0\0\x02\x02L\x01\0;";
        let made = imaging::develop(GIF, &[200], &settings).unwrap().thumbnails.remove(0);
        let (width, height) = (made.width, made.height);
        Picture { bytes: made.bytes.into(), content_type: made.content_type.to_owned(), width, height }
    }

    #[test]
    fn a_model_gets_a_still_thumbnail_as_it_is() {
        assert!(is_for_models(&thumbnail(Settings::default())));
        assert!(is_for_models(&thumbnail(Settings { output: Output::Webp, ..Settings::default() })));
    }

    fn assert_becomes_jpeg(picture: Picture) {
        assert!(!is_for_models(&picture));
        let converted = convert(picture).unwrap();
        assert_eq!(
            (converted.content_type.as_str(), converted.width, converted.height),
            ("image/jpeg", 1, 1)
        );
        assert!(converted.bytes.starts_with(b"\xff\xd8\xff"));
    }

    #[test]
    fn a_model_gets_the_first_frame_of_an_animation_as_jpeg() {
        let picture = thumbnail(Settings { animation: Animation::All, ..Settings::default() });
        assert_eq!(picture.content_type, "image/webp");
        assert_becomes_jpeg(picture);
    }

    #[test]
    fn a_model_gets_an_avif_as_jpeg() {
        let picture = thumbnail(Settings { output: Output::Avif, ..Settings::default() });
        assert_eq!(picture.content_type, "image/avif");
        assert_becomes_jpeg(picture);
    }
}

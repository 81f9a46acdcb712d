//! Develops originals into thumbnails.

use std::time::Duration;

use aws::CallError;
use domain::{Failure, FailureCode, ObjectKey, Placeholder, Thumbnail};
use futures_util::future::try_join_all;
use imaging::{DevelopError, Output, Settings};
use store::{Developed, Objects};
use tracing::info;

/// Longer than the engine's own limit, which the engine checks between its steps. Shorter than the functions' timeouts.
const MAX_TIME: Duration = Duration::from_secs(40);

/// The variable with the format of thumbnails: `auto`, `webp` or `avif`.
const OUTPUT: &str = "THUMBNAIL_FORMAT";

/// Checks that an original fits into memory. A tier may allow longer files.
///
/// # Errors
/// The failure for the owner, if the original is too long.
pub fn check_length(bytes: u64) -> Result<(), Failure> {
    let limits = Settings::default().limits;
    limits.check_length(bytes).map_err(|error| failure(&error))
}

/// Creates thumbnails of an original and stores them. Returns the failure for the owner if the original cannot be
/// developed.
///
/// # Errors
/// [`CallError`] if a retry may succeed.
pub async fn develop(
    objects: &Objects,
    original: &ObjectKey,
    sizes: &[u32],
) -> Result<Result<Developed, Failure>, CallError> {
    let Some(bytes) = objects.original(original).await? else {
        let detail = "The uploaded file no longer exists. Upload it again.";
        return Ok(Err(Failure::new(FailureCode::UploadMissing, detail)));
    };
    let sizes = sizes.to_vec();
    let settings = Settings { output: output()?, ..Settings::default() };
    let work = tokio::task::spawn_blocking(move || imaging::develop(&bytes, &sizes, &settings));
    let developed = match tokio::time::timeout(MAX_TIME, work).await {
        Ok(Ok(Ok(developed))) => developed,
        Ok(Ok(Err(error))) => {
            info!(key = %original, cause = ?error, "developing the picture failed");
            return Ok(Err(failure(&error)));
        }
        Ok(Err(panic)) => return Err(CallError::internal(panic)),
        Err(_elapsed) => return Ok(Err(failure(&DevelopError::Timeout))),
    };
    let thumbnails = developed.thumbnails.iter().map(|made| Thumbnail {
        size: made.size,
        width: made.width,
        height: made.height,
        content_type: made.content_type.to_owned(),
    });
    let thumbnails = thumbnails.collect();
    let placeholder =
        Placeholder { thumbhash: developed.placeholder.thumbhash, color: developed.placeholder.color };
    let made = developed.thumbnails.into_iter();
    let puts = made.map(|made| objects.put_thumbnail(original, made.size, made.content_type, made.bytes));
    try_join_all(puts).await?;
    Ok(Ok(Developed { width: developed.width, height: developed.height, thumbnails, placeholder }))
}

/// # Errors
/// The variable has another value. The template allows only valid ones.
fn output() -> Result<Output, CallError> {
    match std::env::var(OUTPUT) {
        Ok(name) => name.parse().map_err(CallError::internal),
        Err(_) => Ok(Output::default()),
    }
}

/// The failure that the owner of the image sees.
fn failure(error: &DevelopError) -> Failure {
    let code = match error {
        DevelopError::NotAnImage => FailureCode::NotAnImage,
        DevelopError::UnsupportedFormat { .. } => FailureCode::UnsupportedFormat,
        DevelopError::HeicNotSupported => FailureCode::HeicNotSupported,
        DevelopError::TooManyPixels { .. } | DevelopError::TooManyFrames { .. } => FailureCode::TooManyPixels,
        DevelopError::TooManyBytes { .. } => FailureCode::TooManyBytes,
        DevelopError::SideTooLong { .. } => FailureCode::SideTooLong,
        DevelopError::Timeout => FailureCode::Timeout,
        DevelopError::CorruptImage { .. } => FailureCode::CorruptImage,
        DevelopError::Internal { .. } => FailureCode::InternalError,
    };
    Failure::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_codes_of_the_engine() {
        let (width, height, limit) = (1, 1, 1);
        for error in [
            DevelopError::NotAnImage,
            DevelopError::UnsupportedFormat { format: "TIFF" },
            DevelopError::HeicNotSupported,
            DevelopError::TooManyPixels { width, height, limit },
            DevelopError::TooManyFrames { frames: 1, pixels: 1, limit },
            DevelopError::TooManyBytes { bytes: 1, limit },
            DevelopError::SideTooLong { width, height, limit: 1 },
            DevelopError::Timeout,
            DevelopError::CorruptImage { reason: String::new() },
            DevelopError::Internal { reason: String::new() },
        ] {
            assert_eq!(failure(&error).code.as_str(), error.code());
        }
    }

    #[test]
    fn the_owner_learns_the_limit() {
        let Failure { code, detail } = check_length(200 << 20).unwrap_err();
        assert_eq!(code, FailureCode::TooManyBytes);
        insta::assert_snapshot!(detail, @"The image has 209715200 bytes; at most 100000000 are allowed.");
    }
}

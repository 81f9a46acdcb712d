//! From an original to thumbnails in the bucket.

use std::time::Duration;

use aws::CallError;
use domain::{Failure, ObjectKey, Placeholder, Thumbnail};
use futures_util::future::try_join_all;
use imaging::{Output, Settings};
use store::{Developed, Objects};
use tracing::info;

/// Longer than the engine's own limit, which it holds between its steps; less than the functions' timeouts.
const MAX_TIME: Duration = Duration::from_secs(40);

/// What thumbnails are made as, where it is set: `auto`, `webp` or `avif`.
const OUTPUT: &str = "THUMBNAIL_FORMAT";

/// Whether an original may be so long, in bytes: a tier may allow more than fits into memory.
///
/// # Errors
/// Why not.
pub fn check_length(bytes: u64) -> Result<(), Failure> {
    let limits = Settings::default().limits;
    limits.check_length(bytes).map_err(|error| failure(error.code(), &error.to_string()))
}

/// Makes thumbnails of an original and stores them, or finds out why there can be none.
///
/// # Errors
/// [`CallError`] for what may heal; a [`Failure`] never will.
pub async fn develop(
    objects: &Objects,
    original: &ObjectKey,
    sizes: &[u32],
) -> Result<Result<Developed, Failure>, CallError> {
    let Some(bytes) = objects.original(original).await? else {
        return Ok(Err(failure("upload-missing", "The uploaded file is no longer there. Upload it again.")));
    };
    let sizes = sizes.to_vec();
    let settings = Settings { output: output()?, ..Settings::default() };
    let work = tokio::task::spawn_blocking(move || imaging::develop(&bytes, &sizes, &settings));
    let developed = match tokio::time::timeout(MAX_TIME, work).await {
        Ok(Ok(Ok(developed))) => developed,
        Ok(Ok(Err(error))) => {
            info!(key = %original, cause = ?error, "refused");
            return Ok(Err(failure(error.code(), &error.to_string())));
        }
        Ok(Err(panic)) => return Err(CallError::internal(panic)),
        Err(_elapsed) => return Ok(Err(failure("timeout", "The image took too long to process."))),
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
/// A deployment that was made by hand: the template allows these names alone.
fn output() -> Result<Output, CallError> {
    match std::env::var(OUTPUT) {
        Ok(name) => name.parse().map_err(CallError::internal),
        Err(_) => Ok(Output::default()),
    }
}

fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned() }
}

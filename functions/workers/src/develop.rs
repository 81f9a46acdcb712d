//! From an original to thumbnails in the bucket.

use std::time::Duration;

use aws::CallError;
use domain::{Failure, ObjectKey, Placeholder, Thumbnail};
use futures_util::future::try_join_all;
use imaging::Limits;
use store::{Developed, Objects};
use tracing::info;

/// Longer than any picture within the limits takes; less than the functions' own timeouts.
const MAX_TIME: Duration = Duration::from_secs(40);

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
    let work = tokio::task::spawn_blocking(move || imaging::develop(&bytes, &sizes, &Limits::default()));
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

fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned() }
}

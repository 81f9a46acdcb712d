//! Develops originals into thumbnails.

use aws::CallError;
use domain::{Failure, FailureCode, ObjectKey};
use futures_util::future::try_join_all;
use imaging::{Output, Settings};
use store::{Developed, Objects};
use tracing::info;

use crate::{
    develop_process::{DevelopOptions, DevelopProcess, MadeThumbnails, Rejected},
    failure::failure,
};

/// The variable with the format of thumbnails: `auto`, `webp` or `avif`.
const OUTPUT: &str = "THUMBNAIL_FORMAT";

/// The variable that says whether HEIC is decoded: `on` or `off`.
const HEIC: &str = "HEIC";

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
    let developed = DevelopProcess::default().develop(bytes, sizes, &options()?).await?;
    let MadeThumbnails { width, height, placeholder, thumbnails } = match developed {
        Ok(made) => made,
        Err(Rejected { failure, cause }) => {
            info!(key = %original, cause, "developing the picture failed");
            return Ok(Err(failure));
        }
    };
    let (thumbnails, files): (Vec<_>, Vec<_>) = thumbnails.into_iter().unzip();
    let puts = thumbnails.iter().zip(files).map(|(thumbnail, file)| {
        objects.put_thumbnail(original, thumbnail.size, &thumbnail.content_type, file)
    });
    try_join_all(puts).await?;
    Ok(Ok(Developed { width, height, thumbnails, placeholder }))
}

/// # Errors
/// The variables have other values. The template allows only valid ones.
fn options() -> Result<DevelopOptions, CallError> {
    let output = std::env::var(OUTPUT).unwrap_or_else(|_| "auto".to_owned());
    output.parse::<Output>().map_err(CallError::internal)?;
    let heic = match std::env::var(HEIC).as_deref() {
        Ok("on") | Err(_) => true,
        Ok("off") => false,
        Ok(other) => {
            return Err(CallError::internal(format!("{HEIC} is {other:?}, and has to be on or off")));
        }
    };
    Ok(DevelopOptions { output, heic })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_learns_the_limit() {
        let Failure { code, detail } = check_length(200 << 20).unwrap_err();
        assert_eq!(code, FailureCode::TooManyBytes);
        insta::assert_snapshot!(detail, @"The image has 209715200 bytes; at most 100000000 are allowed.");
    }
}

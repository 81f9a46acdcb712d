//! Develops originals into thumbnails.

use aws::CallError;
use domain::{Failure, FailureCode, ObjectKey};
use futures_util::future::try_join_all;
use imaging::{Animation, Output, Settings};
use store::{Developed, Objects};
use telemetry::Subsegment;
use tracing::info;

use crate::{
    develop_process::{DevelopOptions, DevelopProcess, MadeThumbnails, Rejected},
    failure::failure,
};

/// The variable with the format of thumbnails: `auto`, `webp` or `avif`.
const OUTPUT: &str = "THUMBNAIL_FORMAT";

/// The variable that says which frames of an animation thumbnails show: `first` or `all`.
const ANIMATION: &str = "THUMBNAIL_ANIMATION";

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
    let Some(bytes) = objects.original(original).await? else { return Ok(Err(upload_missing())) };
    let mut subsegment = Subsegment::begin("develop");
    subsegment.annotate("bytes", bytes.len() as u64);
    let developed = DevelopProcess::default().develop(bytes, sizes, &options()?).await;
    if !matches!(developed, Ok(Ok(_))) {
        subsegment.failed();
    }
    drop(subsegment);
    let MadeThumbnails { width, height, placeholder, exif, thumbnails } = match developed? {
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
    Ok(Ok(Developed { width, height, thumbnails, placeholder, exif }))
}

/// The failure of an original that does not exist.
pub(crate) fn upload_missing() -> Failure {
    Failure::new(FailureCode::UploadMissing, "The uploaded file no longer exists. Upload it again.")
}

/// The settings in the variables of the environment.
///
/// # Errors
/// The variables have other values. The template allows only valid ones.
pub(crate) fn options() -> Result<DevelopOptions, CallError> {
    read_options(|name| std::env::var(name).ok())
}

fn read_options(variable: impl Fn(&str) -> Option<String>) -> Result<DevelopOptions, CallError> {
    let output = variable(OUTPUT).unwrap_or_else(|| "auto".to_owned());
    output.parse::<Output>().map_err(CallError::internal)?;
    let animation = variable(ANIMATION).unwrap_or_else(|| "first".to_owned());
    animation.parse::<Animation>().map_err(CallError::internal)?;
    let heic = match variable(HEIC).as_deref() {
        Some("on") | None => true,
        Some("off") => false,
        Some(other) => {
            return Err(CallError::internal(format!("{HEIC} is {other:?}, and has to be on or off")));
        }
    };
    Ok(DevelopOptions { output, animation, heic })
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

    fn options_of(variables: &[(&str, &str)]) -> Option<(String, String, bool)> {
        let variable = |name: &str| {
            let variable = variables.iter().find(|(other, _)| *other == name);
            variable.map(|(_, value)| (*value).to_owned())
        };
        let options = read_options(variable).ok()?;
        Some((options.output, options.animation, options.heic))
    }

    #[test]
    fn a_deployment_chooses_the_format_the_frames_and_whether_there_is_heic() {
        let chosen =
            |output: &str, animation: &str, heic| Some((output.to_owned(), animation.to_owned(), heic));
        assert_eq!(options_of(&[]), chosen("auto", "first", true));
        let all = [("THUMBNAIL_FORMAT", "avif"), ("THUMBNAIL_ANIMATION", "all"), ("HEIC", "off")];
        assert_eq!(options_of(&all), chosen("avif", "all", false));
        for wrong in [("THUMBNAIL_FORMAT", "png"), ("THUMBNAIL_ANIMATION", "last"), ("HEIC", "yes")] {
            assert_eq!(options_of(&[wrong]), None, "{wrong:?}");
        }
    }
}

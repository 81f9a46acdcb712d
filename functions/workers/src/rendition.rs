//! Makes renditions from originals, and stores them.

use aws::CallError;
use domain::{Failure, ObjectKey, Rendition};
use store::{MadeRendition, Objects};
use telemetry::Subsegment;
use tracing::info;

use crate::{
    develop::{options, upload_missing},
    develop_process::{DevelopProcess, Rejected},
    render::RenditionFile,
};

/// Makes a rendition of an original and stores its file. `size` is the width and the height of the upright original.
/// Returns the failure for the owner if the rendition cannot be made.
///
/// # Errors
/// [`CallError`] if a retry may succeed.
pub async fn make_rendition(
    objects: &Objects,
    original: &ObjectKey,
    size: (u32, u32),
    rendition: &Rendition,
) -> Result<Result<MadeRendition, Failure>, CallError> {
    let Some(bytes) = objects.original(original).await? else { return Ok(Err(upload_missing())) };
    let mut subsegment = Subsegment::begin("render");
    subsegment.annotate("bytes", bytes.len() as u64);
    let made = DevelopProcess::default().render(bytes, rendition, &options()?).await;
    if !matches!(made, Ok(Ok(_))) {
        subsegment.failed();
    }
    drop(subsegment);
    let made = match made? {
        Ok(made) => made,
        Err(Rejected { failure, cause }) => {
            info!(key = %original, cause, "making the rendition failed");
            return Ok(Err(failure));
        }
    };
    let RenditionFile { size: made_size, content_type, bytes } = made;
    let (width, height) = made_size.unwrap_or(size);
    let length = bytes.len() as u64;
    objects.put_rendition(rendition.key(original), &content_type, bytes).await?;
    Ok(Ok(MadeRendition { width, height, content_type, bytes: length }))
}

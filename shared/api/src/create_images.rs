//! Creating images that wait for their uploads.

use domain::{Image, PresignedUpload, Profile, Timestamp, UploadLinkId, UserId};
use store::{CreateError, Created, IdempotencyKey, Objects, Records};
use telemetry::Measurement;

/// Pending images with their presigned uploads.
#[derive(Debug)]
pub struct PendingUploads {
    /// Each image with its presigned upload, in the order of the request.
    pub images: Vec<(Image, PresignedUpload)>,
    /// When the uploads were signed.
    pub at: Timestamp,
}

/// Creates pending images of one user, all or none, and signs their uploads. A repeated request with the same
/// idempotency key returns the images that the first request created.
///
/// # Errors
/// [`CreateError`]
pub async fn create_images(
    records: &Records,
    objects: &Objects,
    user: &UserId,
    images: Vec<Image>,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<PendingUploads, CreateError> {
    // Signing makes no call. If it fails, no image is created.
    let pending = sign(objects, user, images.clone(), now).await?;
    let created = records.create_images(user, &images, key, now).await?;
    answer(objects, user, pending, created, now).await
}

/// Does the same as [`create_images`] for a guest, who uses an upload link of a user with this profile.
///
/// # Errors
/// [`CreateError`]
pub async fn create_images_for_guest(
    records: &Records,
    objects: &Objects,
    (link, profile): (&UploadLinkId, Profile),
    images: Vec<Image>,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<PendingUploads, CreateError> {
    let pending = sign(objects, link.user(), images.clone(), now).await?;
    let created = records.create_images_through(link, profile, &images, key, now).await?;
    answer(objects, link.user(), pending, created, now).await
}

/// The new uploads, or those of the first request if this one repeats it.
async fn answer(
    objects: &Objects,
    user: &UserId,
    pending: PendingUploads,
    created: Created<Vec<Image>>,
    now: Timestamp,
) -> Result<PendingUploads, CreateError> {
    match created {
        Created::New => {
            let images = pending.images.iter().map(|(image, _)| image);
            let count = images.clone().filter(|image| image.source_image_id.is_none()).count();
            let images = images.map(|image| image.id.to_string()).collect();
            Measurement::UploadsRequested { count, images }.record("uploads requested");
            Ok(pending)
        }
        Created::Replayed(images) => {
            let at = images.first().map_or(now, |image| signed_again_at(image.created_at, now));
            Ok(sign(objects, user, images, at).await?)
        }
    }
}

/// The signing time for a repeated request. It is the time of the first request, so that the response is the same,
/// unless too little time for the upload would remain.
fn signed_again_at(before: Timestamp, now: Timestamp) -> Timestamp {
    let age = now.as_second() - before.as_second();
    if age < Objects::UPLOAD_SECONDS / 3 { before } else { now }
}

async fn sign(
    objects: &Objects,
    user: &UserId,
    images: Vec<Image>,
    at: Timestamp,
) -> Result<PendingUploads, CreateError> {
    let mut signed = Vec::with_capacity(images.len());
    for image in images {
        let upload = objects.presigned_upload(user, &image, at).await?;
        signed.push((image, upload));
    }
    Ok(PendingUploads { images: signed, at })
}

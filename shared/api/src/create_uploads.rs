//! Announcing uploads: what every endpoint does that makes images.

use domain::{Image, Timestamp, UploadTicket, UserId};
use store::{CreateError, Created, IdempotencyKey, Objects, Records};

/// Images that wait for their uploads.
#[derive(Debug)]
pub struct PendingUploads {
    /// Each image with its upload, in the order of the request.
    pub images: Vec<(Image, UploadTicket)>,
    /// When the uploads were signed.
    pub at: Timestamp,
}

/// Makes pending images of one user, all or none, and signs their uploads. A request that comes again with
/// its idempotency key gets the images that it made the first time.
///
/// # Errors
/// [`CreateError`]
pub async fn create_uploads(
    records: &Records,
    objects: &Objects,
    user: &UserId,
    images: Vec<Image>,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<PendingUploads, CreateError> {
    // Signed first: it calls nobody, and a record without an upload would be of no use.
    let announced = sign(objects, user, images.clone(), now).await?;
    match records.create_images(user, &images, key, now).await? {
        Created::New => Ok(announced),
        Created::Replayed(images) => {
            let at = images.first().map_or(now, |image| signed_again_at(image.created_at, now));
            Ok(sign(objects, user, images, at).await?)
        }
    }
}

/// When to sign for a request that came before: as then, so that the answer is the same, while that leaves
/// enough time for the upload.
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
        let ticket = objects.upload_ticket(user, &image, at).await?;
        signed.push((image, ticket));
    }
    Ok(PendingUploads { images: signed, at })
}

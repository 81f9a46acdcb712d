//! Thumbnails in sizes that a tier gained after the upload.
//!
//! One request claims the missing sizes of a picture and has them made. Other requests for the same picture wait for it,
//! so that the original is developed once, however many clients ask.

use aws::CallError;
use domain::{Image, Lease, ObjectKey, Picture, Thumbnail, Timestamp};

use super::finish::Outcome;
use crate::dynamodb::{
    condition::{eq, ge, not},
    keys::{Item, image_key, number, read, string, value},
    records::{Records, is_condition, refused_update},
    update::Update,
};

/// The attribute of the claim, which only this module reads. It is a part of the picture, so a new picture begins without
/// a claim.
const CLAIM: &str = "picture.resize";

impl Records {
    /// Claims the missing sizes of a picture. `picture` is the picture as it was read before. The claim fails if another
    /// request holds it, or if the picture has changed since.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim_resize(
        &self,
        original: &ObjectKey,
        picture: &Picture,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let update = Update::new(image_key(&original.user, original.image))
            .set(CLAIM, value(lease)?)
            .when(eq("picture.version", number(picture.version)))
            // Another request may have added the thumbnails and ended its claim after the picture was read.
            .when(eq("picture.thumbnails", value(&picture.thumbnails)?))
            // True if there is no claim, or if it has expired: a comparison with a missing attribute is false.
            .when(not(ge("picture.resize.until", number(now.as_second()))));
        let Err(error) = update.alone(self)?.send().await else { return Ok(true) };
        let stored = refused_update(error)?;
        // The response to this same claim may have been lost. Then the client has repeated the request.
        Ok(stored.as_ref().and_then(claim_owner) == Some(&lease.owner))
    }

    /// Adds thumbnails to a picture and ends the claim of `owner`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_resize(
        &self,
        original: &ObjectKey,
        owner: &str,
        thumbnails: &[Thumbnail],
    ) -> Result<Outcome, CallError> {
        let thumbnails = thumbnails.iter().map(value).collect::<Result<_, _>>()?;
        let update = Update::new(image_key(&original.user, original.image))
            .append("picture.thumbnails", thumbnails)
            .remove(CLAIM)
            .when(eq("picture.version", number(original.version)))
            .when(eq("picture.resize.owner", string(owner)));
        let Err(error) = update.alone(self)?.send().await else { return Ok(Outcome::Done) };
        let Some(item) = refused_update(error)? else { return Ok(Outcome::Gone) };
        let is_current = read::<Image>(item)?.picture.is_some_and(|now| now.version == original.version);
        Ok(if is_current { Outcome::LeaseLost } else { Outcome::VersionObsolete })
    }

    /// Ends the claim of `owner` without thumbnails, so that the next request need not wait until it expires.
    ///
    /// # Errors
    /// [`CallError`]. The claim then expires later.
    pub async fn release_resize(&self, original: &ObjectKey, owner: &str) -> Result<(), CallError> {
        let update = Update::new(image_key(&original.user, original.image))
            .remove(CLAIM)
            .when(eq("picture.resize.owner", string(owner)));
        match update.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// The owner of the claim in the item of an image.
fn claim_owner(item: &Item) -> Option<&String> {
    item.get("picture")?.as_m().ok()?.get("resize")?.as_m().ok()?.get("owner")?.as_s().ok()
}

//! Thumbnails in sizes that a tier gained after the upload.
//!
//! One request claims the missing sizes of a picture and has them made. Other requests for the same picture wait for it,
//! so that the original is developed once, however many clients ask.

use aws::CallError;
use domain::{Image, ImageId, Lease, ObjectKey, Picture, Profile, Thumbnail, Timestamp, UserId};

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

/// The result of a claim on missing thumbnails.
#[derive(Debug)]
pub enum ResizeClaim {
    /// The request holds the claim.
    Taken,
    /// Another request holds the claim, or the picture has changed since it was read. This is the image now, with the
    /// claim on its picture.
    Refused(Box<Image>, Option<Lease>),
    /// The image was deleted, or is in the trash.
    Gone,
}

impl Records {
    /// An image of a user, the claim on missing thumbnails of its picture, and the user's profile. Image and profile are
    /// read at the same time. `None` if the image does not exist, has expired or is in the trash.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image_claim_and_profile(
        &self,
        user: &UserId,
        id: ImageId,
        now: Timestamp,
    ) -> Result<Option<(Image, Option<Lease>, Profile)>, CallError> {
        let (item, profile) =
            tokio::try_join!(self.get_item(image_key(user, id)), self.profile_or_default(user))?;
        let Some(item) = item else { return Ok(None) };
        let claim = claim_of(&item);
        let image = read::<Image>(item)?.unless_hidden(now);
        Ok(image.map(|image| (image, claim, profile)))
    }

    /// Claims the missing sizes of a picture. `picture` is the picture as it was read before. The claim is refused if
    /// another request holds it, or if the picture has changed since.
    ///
    /// One call, which also returns the image if the claim is refused ("UpdateItem",
    /// `ReturnValuesOnConditionCheckFailure`, Amazon DynamoDB API Reference).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim_resize(
        &self,
        original: &ObjectKey,
        picture: &Picture,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<ResizeClaim, CallError> {
        let update = Update::new(image_key(&original.user, original.image))
            .set(CLAIM, value(lease)?)
            .when(eq("picture.version", number(picture.version)))
            // Another request may have added the thumbnails and ended its claim after the picture was read.
            .when(eq("picture.thumbnails", value(&picture.thumbnails)?))
            // True if there is no claim, or if it has expired: a comparison with a missing attribute is false.
            .when(not(ge("picture.resize.until", number(now.as_second()))));
        let Err(error) = update.alone(self)?.send().await else { return Ok(ResizeClaim::Taken) };
        let Some(stored) = refused_update(error)? else { return Ok(ResizeClaim::Gone) };
        let claim = claim_of(&stored);
        // The response to this same claim may have been lost. Then the client has repeated the request.
        if claim.as_ref() == Some(lease) {
            return Ok(ResizeClaim::Taken);
        }
        let image = read::<Image>(stored)?.unless_hidden(now);
        Ok(image.map_or(ResizeClaim::Gone, |image| ResizeClaim::Refused(Box::new(image), claim)))
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

/// The claim in the item of an image.
fn claim_of(item: &Item) -> Option<Lease> {
    let claim = item.get("picture")?.as_m().ok()?.get("resize")?.as_m().ok()?;
    read(claim.clone()).ok()
}

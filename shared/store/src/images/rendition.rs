//! Renditions: which exist, which are being made, and how many a picture has.
//!
//! A rendition has an item of its own. One request claims the rendition and has it made; other requests for the same
//! rendition wait for it. The transaction of the first claim counts the rendition on the picture. The item exists until
//! the image or the version of its picture is deleted, also if the rendition cannot be made.

use aws::CallError;
use domain::{
    Failure, Image, ImageId, Lease, ObjectKey, Profile, Rendition, StoredRendition, Timestamp, UserId,
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{filter::is_shown, finish::Outcome};
use crate::{
    account::read_profile,
    dynamodb::{
        condition::{begins_with, eq, exists, lt, ne, not_exists},
        keys::{
            image_key, item, key, number, profile_key, read, rendition_key, renditions_of, string, user_pk,
            value,
        },
        records::{Records, is_condition, refused_update},
        transactions::{TransactOutcome, refused},
        update::Update,
    },
};

/// The attribute that counts the renditions of a picture. It is a part of the picture, so a new picture begins without
/// renditions.
const COUNT: &str = "picture.renditions";

/// The end of a lease that its holder has released. A real lease never ends at this time.
const RELEASED: i64 = 0;

/// The item of a rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionItem {
    /// The version of the picture that the rendition is made from.
    pub version: u32,
    /// The claim of the request that has the rendition made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The file, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<MadeRendition>,
    /// Why the rendition cannot be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The properties of a rendition's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeRendition {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The media type.
    pub content_type: String,
    /// The length in bytes.
    pub bytes: u64,
}

impl MadeRendition {
    /// The rendition of an original, whose file has these properties.
    #[must_use]
    pub fn stored(self, original: &ObjectKey, rendition: &Rendition) -> StoredRendition {
        let Self { width, height, content_type, bytes } = self;
        StoredRendition { key: rendition.key(original), width, height, content_type, bytes }
    }
}

/// The result of a claim on a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenditionClaim {
    /// The request holds the claim.
    Taken,
    /// Another request has claimed or made the rendition. This is its item, unless another transaction was changing it or
    /// the image.
    Busy(Option<RenditionItem>),
    /// The picture has [`Rendition::MAX_PER_PICTURE`] renditions.
    TooMany,
    /// The image was deleted.
    Gone,
    /// The image has another picture.
    PictureChanged,
}

impl Records {
    /// An image of a user, the user's profile, and one of the image's renditions, whichever picture it was made from.
    /// `None` if the image does not exist, has expired or is in the trash.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn image_profile_and_rendition(
        &self,
        user: &UserId,
        id: ImageId,
        rendition: &Rendition,
        now: Timestamp,
    ) -> Result<Option<(Image, Profile, Option<RenditionItem>)>, CallError> {
        let keys = [image_key(user, id), profile_key(user), rendition_key(user, id, &rendition.canonical())];
        let [image, profile, rendition] = self.batch_in_order(keys).await?;
        let image = image.map(read::<Image>).transpose()?.and_then(|image| image.unless_hidden(now));
        let Some(image) = image else { return Ok(None) };
        let profile = match profile.map(read_profile).transpose()?.flatten() {
            Some(profile) => profile,
            None => Profile::new(self.default_tier().await?),
        };
        Ok(Some((image, profile, rendition.map(read).transpose()?)))
    }

    /// A rendition of an image, whichever picture it was made from.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn rendition(
        &self,
        user: &UserId,
        id: ImageId,
        rendition: &Rendition,
    ) -> Result<Option<RenditionItem>, CallError> {
        self.get(rendition_key(user, id, &rendition.canonical())).await
    }

    /// Claims a rendition of an original. `found` is its item as it was read before. The first claim on a rendition of this
    /// version also counts it.
    ///
    /// One call, which also returns the item that another request has written ("Put" and "UpdateItem",
    /// `ReturnValuesOnConditionCheckFailure`, Amazon DynamoDB API Reference). It is not repeated if another transaction
    /// changes the image at the same time: that is probably the claim of another request, so the result is
    /// [`RenditionClaim::Busy`] without an item.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn claim_rendition(
        &self,
        original: &ObjectKey,
        rendition: &Rendition,
        found: Option<&RenditionItem>,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<RenditionClaim, CallError> {
        let ObjectKey { user, image, version } = original;
        let own_key = rendition_key(user, *image, &rendition.canonical());
        if found.is_some_and(|found| found.version == *version) {
            let update = Update::new(own_key)
                .set("lease", value(lease)?)
                .when(eq("version", number(version)).and(not_exists("made")).and(not_exists("failure")))
                .when(lt("lease.until", number(now.as_second())));
            let Err(error) = update.alone(self)?.send().await else { return Ok(RenditionClaim::Taken) };
            let stored = refused_update(error)?.map(read::<RenditionItem>).transpose()?;
            // The response to this same claim may have been lost. Then the client has repeated the request.
            let is_own = stored.as_ref().is_some_and(|stored| stored.lease.as_ref() == Some(lease));
            return Ok(if is_own { RenditionClaim::Taken } else { RenditionClaim::Busy(stored) });
        }
        let fields =
            RenditionItem { version: *version, lease: Some(lease.clone()), made: None, failure: None };
        let is_new = not_exists("pk").or(ne("version", number(version)));
        let count = Update::new(image_key(user, *image))
            .add_from_zero(COUNT, 1)
            .when(exists("pk").and(is_shown(now)).and(eq("picture.version", number(version))))
            .when(not_exists(COUNT).or(lt(COUNT, number(Rendition::MAX_PER_PICTURE))));
        let items =
            vec![self.put_in_transaction(item(own_key, fields)?, Some(is_new))?, count.in_transaction(self)?];
        let reasons = match self.transact_once(items).await? {
            TransactOutcome::Done => return Ok(RenditionClaim::Taken),
            TransactOutcome::Conflict(_) => return Ok(RenditionClaim::Busy(None)),
            TransactOutcome::Refused(reasons) => reasons,
        };
        let refused = |index: usize| reasons.get(index).and_then(refused).map(|item| item.cloned());
        if let Some(stored) = refused(0) {
            return Ok(RenditionClaim::Busy(stored.map(read).transpose()?));
        }
        let Some(Some(image)) = refused(1) else { return Ok(RenditionClaim::Gone) };
        let Some(image) = read::<Image>(image)?.unless_hidden(now) else { return Ok(RenditionClaim::Gone) };
        let is_current = image.picture.is_some_and(|picture| picture.version == *version);
        Ok(if is_current { RenditionClaim::TooMany } else { RenditionClaim::PictureChanged })
    }

    /// Stores the properties of a rendition's file, or why the rendition cannot be made, and ends the claim of `owner`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_rendition(
        &self,
        original: &ObjectKey,
        rendition: &Rendition,
        owner: &str,
        result: &Result<MadeRendition, Failure>,
    ) -> Result<Outcome, CallError> {
        let update = self.update_claimed(original, rendition, owner).remove("lease");
        let update = match result {
            Ok(made) => update.set("made", value(made)?),
            Err(failure) => update.set("failure", value(failure)?),
        };
        let Err(error) = update.alone(self)?.send().await else { return Ok(Outcome::Done) };
        let Some(item) = refused_update(error)? else { return Ok(Outcome::Gone) };
        let stored: RenditionItem = read(item)?;
        Ok(if stored.version != original.version {
            Outcome::VersionObsolete
        } else if (stored.made.as_ref(), stored.failure.as_ref())
            == (result.as_ref().ok(), result.as_ref().err())
        {
            // The response to an earlier attempt of this write was lost, or another worker has made the same file.
            Outcome::Done
        } else {
            Outcome::LeaseLost
        })
    }

    /// Ends the claim of `owner` without a result, so that the next request need not wait until it expires. The rendition
    /// still counts.
    ///
    /// # Errors
    /// [`CallError`]. The claim then expires later.
    pub async fn release_rendition(
        &self,
        original: &ObjectKey,
        rendition: &Rendition,
        owner: &str,
    ) -> Result<(), CallError> {
        let update = self.update_claimed(original, rendition, owner).set("lease.until", number(RELEASED));
        match update.alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn update_claimed(&self, original: &ObjectKey, rendition: &Rendition, owner: &str) -> Update {
        Update::new(rendition_key(&original.user, original.image, &rendition.canonical()))
            .when(eq("version", number(original.version)))
            .when(eq("lease.owner", string(owner)))
    }

    /// Deletes the items of an image's renditions, except those of versions that the image keeps. A worker that makes such
    /// a rendition at this time finds no item, and deletes its file.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_renditions(
        &self,
        user: &UserId,
        image: ImageId,
        is_kept: impl Fn(u32) -> bool,
    ) -> Result<(), CallError> {
        /// The attributes that decide whether an item is deleted.
        #[derive(Deserialize)]
        struct Found {
            sk: String,
            version: u32,
        }
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(renditions_of(image))));
        let mut found = self.query(keys, None)?.consistent_read(true).into_paginator().items().send();
        let mut deletions = Vec::new();
        while let Some(item) = found.next().await {
            let Found { sk, version } = read(item?)?;
            if !is_kept(version) {
                // A request may have claimed the same rendition of a newer version since.
                deletions.push(self.delete_when(key(user_pk(user), sk), eq("version", number(version)))?);
            }
        }
        let deletions = deletions.into_iter().map(async |deletion| match deletion.send().await {
            Err(error) if !is_condition(&error) => Err(CallError::from(error)),
            _ => Ok(()),
        });
        try_join_all(deletions).await.map(drop)
    }
}

//! What an import of another application's data creates (`cargo xtask import`).
//!
//! An import creates images and sets as the API does. The same transaction also writes a marker, which contains the id
//! of what was created. So a repeated import creates nothing twice, even if the user deleted the image in the meantime.
//! Markers never expire.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Image, ImageSet, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    dynamodb::{
        condition::{eq, exists, not_exists},
        keys::{import_key, item, string, value},
        records::{Records, is_condition},
        transactions::TransactItemKind,
        update::Update,
    },
    images::create::CreateError,
};

/// Takes the place of a digest in the marker of a user.
const USER: &str = "USER";

/// Identifies a line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportKey {
    /// A digest of the line's type and id.
    pub key: String,
    /// A digest of what the line says. It shows whether the same id was used for something else before.
    pub request: String,
}

/// What an import made from a line of its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The digest of what the line said. It has the name of the attribute of an idempotency key, because the
    /// transaction treats the marker as one.
    pub request: String,
    /// The id of the image or the set.
    pub id: String,
    /// Whether nothing is left to do. `false` for an image whose file may not have arrived.
    pub is_complete: bool,
}

impl Records {
    /// What an earlier import made from a line.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn imported(&self, user: &UserId, key: &ImportKey) -> Result<Option<Imported>, CallError> {
        self.get(import_key(user, &key.key)).await
    }

    /// Creates a pending image from a line of a manifest, as [`Records::create_images`] does. `previous` is the marker
    /// of an earlier attempt whose image expired before its file arrived.
    ///
    /// # Errors
    /// [`CreateError`]. [`CreateError::KeyReused`] if another import changed the marker.
    pub async fn import_image(
        &self,
        user: &UserId,
        image: &Image,
        key: &ImportKey,
        previous: Option<&Imported>,
        now: Timestamp,
    ) -> Result<(), CreateError> {
        let marker = Imported { request: key.request.clone(), id: image.id.to_string(), is_complete: false };
        let marker = [(TransactItemKind::IdempotencyKey, self.marker(user, key, &marker, previous)?)];
        self.create_images_with(user, std::slice::from_ref(image), &marker, None, now).await.map(drop)
    }

    /// Creates a set from a line of a manifest, as [`Records::create_set`] does.
    ///
    /// # Errors
    /// [`CreateError`]. [`CreateError::KeyReused`] if another import has created the set.
    pub async fn import_set(
        &self,
        user: &UserId,
        set: &ImageSet,
        key: &ImportKey,
        now: Timestamp,
    ) -> Result<(), CreateError> {
        let marker = Imported { request: key.request.clone(), id: set.id.to_string(), is_complete: true };
        let marker = [(TransactItemKind::IdempotencyKey, self.marker(user, key, &marker, None)?)];
        self.create_set_with(user, set, &marker, None, now).await.map(drop)
    }

    /// Records that the file of an imported image has arrived. Does nothing if the marker does not exist, because the
    /// user was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn complete_import(&self, user: &UserId, key: &ImportKey) -> Result<(), CallError> {
        let update = Update::new(import_key(user, &key.key)).set("is_complete", value(true)?);
        match update.when(exists("pk")).alone(self)?.send().await {
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Whether an earlier import has finished with a user. The last step of an import stores this only if the user was
    /// invited.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn is_user_imported(&self, user: &UserId) -> Result<bool, CallError> {
        Ok(self.get::<serde::de::IgnoredAny>(import_key(user, USER)).await?.is_some())
    }

    /// Records that an import has finished with a user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn complete_user_import(&self, user: &UserId) -> Result<(), CallError> {
        let update = Update::new(import_key(user, USER)).set("is_complete", value(true)?);
        update.alone(self)?.send().await?;
        Ok(())
    }

    /// The item of a transaction that stores a marker.
    fn marker(
        &self,
        user: &UserId,
        key: &ImportKey,
        marker: &Imported,
        previous: Option<&Imported>,
    ) -> Result<TransactWriteItem, CallError> {
        let condition = match previous {
            Some(previous) => eq("id", string(&previous.id)).and(eq("is_complete", value(false)?)),
            None => not_exists("pk"),
        };
        self.put_in_transaction(item(import_key(user, &key.key), marker)?, Some(condition))
    }
}

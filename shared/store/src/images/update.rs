//! Updates names and texts of images, and deletes images.

use aws::CallError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::{
    AuditEntry, Description, FileName, FocalPoint, Image, ImageId, SetPlace, Timestamp, Title, UserId,
};

use super::filter::{is_shown, not_expired};
use crate::dynamodb::{
    condition::{Condition, eq, exists},
    keys::{image_key, search_name, set_key, string, timestamp, value},
    records::{Records, is_condition, updated},
    update::Update,
};
use crate::sets::slots::slot_path;

/// A change of an image's name, texts and focal point. `None` keeps a field. An inner `None` removes a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The file name.
    pub file_name: Option<FileName>,
    /// The title.
    pub title: Option<Option<Title>>,
    /// The description.
    pub description: Option<Option<Description>>,
    /// The focal point.
    pub focal_point: Option<Option<FocalPoint>>,
}

impl Change {
    /// The image after the change.
    pub(crate) fn applied_to(&self, mut image: Image, now: Timestamp) -> Image {
        image.updated_at = now;
        if let Some(name) = &self.file_name {
            image.file_name = name.clone();
        }
        if let Some(title) = &self.title {
            image.title = title.clone();
        }
        if let Some(description) = &self.description {
            image.description = description.clone();
        }
        if let Some(point) = self.focal_point {
            image.focal_point = point;
        }
        image
    }

    /// Adds the change to an update of an image.
    pub(crate) fn add_to(&self, mut update: Update, now: Timestamp) -> Result<Update, CallError> {
        update = update.set("updated_at", timestamp(now));
        if let Some(name) = &self.file_name {
            update = update.set("file_name", value(name)?).set("search_name", search_name(name.as_str()));
        }
        if let Some(title) = &self.title {
            update = update.set_or_remove("title", title.as_ref().map(value).transpose()?);
        }
        if let Some(description) = &self.description {
            update = update.set_or_remove("description", description.as_ref().map(value).transpose()?);
        }
        if let Some(point) = &self.focal_point {
            update = update.set_or_remove("focal_point", point.as_ref().map(value).transpose()?);
        }
        Ok(update)
    }
}

impl Records {
    /// Changes an image's name, texts and focal point. Returns the image, or `None` if it does not exist.
    ///
    /// If the change concerns the words of the image, one transaction changes both items. It cannot return the image, so the
    /// image is read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_image(
        &self,
        user: &UserId,
        id: ImageId,
        change: &Change,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let update = change.add_to(Update::new(image_key(user, id)), now)?;
        let update = update.when(exists("pk").and(is_shown(now)));
        if let Some(words) = change.words_update(user, id) {
            let items = vec![update.in_transaction(self)?, words.in_transaction(self)?];
            let (image, refused) = tokio::try_join!(self.image(user, id, now), self.transact(items))?;
            return Ok(image.filter(|_| refused.is_none()).map(|image| change.applied_to(image, now)));
        }
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => Ok(updated::<Image>(answer)?.unless_hidden(now)),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes an image's name and texts, and writes the entry of this change by an admin. Returns the image, or `None` if
    /// it does not exist.
    ///
    /// The transaction cannot return the image, so the image is read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn change_image_audited(
        &self,
        user: &UserId,
        id: ImageId,
        change: &Change,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let update = change.add_to(Update::new(image_key(user, id)), now)?;
        let update = update.when(exists("pk").and(not_expired(now))).in_transaction(self)?;
        let mut items = vec![update, self.audit_in_transaction(entry)?];
        if let Some(words) = change.words_update(user, id) {
            items.push(words.in_transaction(self)?);
        }
        let (image, refused) = tokio::try_join!(self.image_or_trashed(user, id, now), self.transact(items))?;
        Ok(image.filter(|_| refused.is_none()).map(|image| change.applied_to(image, now)))
    }

    /// Deletes an image's item, also if the image is in the trash. `workers-stream` then deletes the files, empties the
    /// slot and refunds the quota. Returns whether the image existed.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_image(&self, user: &UserId, id: ImageId, now: Timestamp) -> Result<bool, CallError> {
        self.delete_image_when(user, id, not_expired(now)).await
    }

    /// Does the same as [`Records::delete_image`], if the item exists and meets `condition`.
    pub(crate) async fn delete_image_when(
        &self,
        user: &UserId,
        id: ImageId,
        condition: Condition,
    ) -> Result<bool, CallError> {
        // A transaction, although it needs twice the write units: if its response is lost, DynamoDB answers the SDK's
        // repetition like the first request. It would refuse the repetition of a plain deletion, as if no image had
        // existed.
        let delete = self.delete_in_transaction(image_key(user, id), exists("pk").and(condition))?;
        Ok(self.transact(vec![delete]).await?.is_none())
    }

    /// Deletes the item of an image that was read before, and writes the entry of this deletion by an admin. The slot is
    /// emptied at the same time. If the image has moved to another slot meanwhile, `workers-stream` empties that slot.
    /// Returns whether the image still existed.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_image_audited(
        &self,
        user: &UserId,
        image: &Image,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let freed = async {
            match image.set {
                Some(place) => self.free_slot(user, image.id, place).await,
                None => Ok(()),
            }
        };
        let exists = exists("pk").and(not_expired(now));
        let delete = self.delete_in_transaction(image_key(user, image.id), exists)?;
        let items = vec![delete, self.audit_in_transaction(entry)?];
        let (refused, ()) = tokio::try_join!(self.transact(items), freed)?;
        Ok(refused.is_none())
    }

    /// Empties a slot if it contains this image.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn free_slot(&self, user: &UserId, id: ImageId, place: SetPlace) -> Result<(), CallError> {
        let slot = slot_path(place.image_type);
        let update =
            Update::new(set_key(user, place.id)).remove(&slot).when(eq(&slot, string(id.to_string())));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

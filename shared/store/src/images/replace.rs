//! Starts and ends replacements of pictures.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Image, ImageId, Profile, Status, Tier, Timestamp, Upload, UserId};

use super::update::Change;
use crate::{
    account::{is_deleted, not_deleted},
    dynamodb::{
        condition::{eq, exists, ge, not_exists},
        keys::{image_key, number, profile_key, read, replacement_key, string, timestamp, value},
        records::Records,
        transactions::refused,
        update::{Update, difference},
    },
};

/// Why a picture was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The image does not exist.
    #[error("the image does not exist")]
    NotFound,
    /// Each attempt met another change of the image.
    #[error("the image keeps changing")]
    Changed,
    /// The file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// Starts a new version of an image, which counts against the quota from now on. Links show the current picture
    /// until the new one is ready. An earlier version that is not ready yet is dropped.
    ///
    /// Two calls.
    ///
    /// # Errors
    /// [`ReplaceError`]
    pub async fn replace_image(
        &self,
        user: &UserId,
        id: ImageId,
        upload: &Upload,
        change: &Change,
        now: Timestamp,
    ) -> Result<Image, ReplaceError> {
        // A worker may finish the earlier version at the same time, once.
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            let Some(old) = self.stored_image(user, id).await? else { return Err(ReplaceError::NotFound) };
            if old.clone().unless_hidden(now).is_none() {
                return Err(ReplaceError::NotFound);
            }
            let new = replaced(old.clone(), upload, change, now);
            let mut items = vec![
                begin_version(user, &old, &new, change, now)?.in_transaction(self)?,
                count_version(user, &old, &new).in_transaction(self)?,
                self.put_deadline(user, &new)?,
            ];
            if let Some(words) = change.words_update(user, id) {
                items.push(words.in_transaction(self)?);
            }
            let Some(reasons) = self.transact(items).await? else { return Ok(new) };
            if let Some(profile) = reasons.get(1).and_then(refused) {
                if profile.is_some_and(is_deleted) {
                    // The image is about to be deleted too.
                    return Err(ReplaceError::NotFound);
                }
                let profile: Profile = read(profile.cloned().unwrap_or_default())?;
                return Err(ReplaceError::FileTooLarge(Box::new(profile.limits)));
            }
        }
        Err(ReplaceError::Changed)
    }

    /// Puts an item that expires at the deadline of the replacement. Then the stream invokes `workers-stream`, which
    /// looks whether the upload has arrived.
    fn put_deadline(&self, user: &UserId, new: &Image) -> Result<TransactWriteItem, CallError> {
        let mut deadline = replacement_key(user, new.id);
        deadline.insert("version".to_owned(), number(new.version));
        deadline.insert("expires_at".to_owned(), number(new.upload_deadline().unwrap_or_default()));
        self.put_in_transaction(deadline, None)
    }

    /// Ends a replacement that was not uploaded before its deadline. The image keeps its picture. Does nothing if the
    /// upload has arrived or another version has begun. Returns the image if the replacement was ended, by this call or
    /// by an earlier one.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn expire_replacement(
        &self,
        user: &UserId,
        id: ImageId,
        version: u32,
        now: Timestamp,
    ) -> Result<Option<Image>, CallError> {
        let old = self.stored_image(user, id).await?.filter(|image| image.version == version);
        let Some(old) = old.filter(|image| image.picture.as_ref().is_some_and(|now| now.version != version))
        else {
            return Ok(None);
        };
        match old.status {
            Status::Pending => {}
            Status::Ready => return Ok(Some(old)),
            Status::Processing | Status::Failed => return Ok(None),
        }
        let mut new = old.clone();
        new.status = Status::Ready;
        let update = Update::new(image_key(user, id))
            .set("status", string(Status::Ready.as_str()))
            // No late event can claim the version.
            .set("sequencer", value(domain::Sequencer::closed())?)
            .set("updated_at", timestamp(now))
            .remove("replace_by")
            .when(exists("pk").and(eq("version", number(version))))
            .when(eq("status", string(Status::Pending.as_str())));
        let items = vec![update.in_transaction(self)?, self.refund_version(user, &old, &new)?];
        Ok(self.transact(items).await?.is_none().then_some(new))
    }

    /// The item of a transaction that subtracts from the usage what an image no longer holds.
    pub(crate) fn refund_version(
        &self,
        user: &UserId,
        before: &Image,
        after: &Image,
    ) -> Result<TransactWriteItem, CallError> {
        let bytes = before.quota_bytes().saturating_sub(after.quota_bytes());
        Update::new(profile_key(user))
            .add("bytes", -i128::from(bytes))
            .when(exists("bytes"))
            .in_transaction(self)
    }
}

fn begin_version(
    user: &UserId,
    old: &Image,
    new: &Image,
    change: &Change,
    now: Timestamp,
) -> Result<Update, CallError> {
    let update = Update::new(image_key(user, new.id))
        .set("version", number(new.version))
        .set("status", string(new.status.as_str()))
        .set("content_type", string(new.upload.content_type.as_str()))
        .set("size", number(new.upload.size.bytes()))
        .set_or_remove("checksum_sha256", new.upload.checksum_sha256.as_ref().map(value).transpose()?)
        .set_or_remove("expires_at", new.expires_at.map(number))
        .set_or_remove("replace_by", new.replace_by.map(number))
        .remove("failure")
        .remove("lease")
        .remove("crashes")
        .remove("sequencer")
        .when(eq("version", number(old.version)))
        .when(eq("status", string(old.status.as_str())))
        .when(not_exists("trash"))
        // `workers-edit` may set the size of an edit at the same time.
        .when(eq("size", number(old.upload.size.bytes())));
    change.add_to(update, now)
}

fn count_version(user: &UserId, old: &Image, new: &Image) -> Update {
    Update::new(profile_key(user))
        .add("bytes", difference(old.quota_bytes(), new.quota_bytes()))
        .when(exists("pk").and(not_deleted()))
        .when(ge("limits.max_image_bytes", number(new.upload.size.bytes())))
}

/// The image with a new version that waits for its upload.
fn replaced(mut image: Image, upload: &Upload, change: &Change, now: Timestamp) -> Image {
    let deadline = now.as_second() + Image::PENDING_SECONDS;
    image.version += 1;
    image.status = Status::Pending;
    image.upload = upload.clone();
    (image.failure, image.lease, image.sequencer, image.crashes) = (None, None, None, 0);
    // An image without a picture expires as a new image does.
    (image.expires_at, image.replace_by) =
        if image.picture.is_some() { (None, Some(deadline)) } else { (Some(deadline), None) };
    change.applied_to(image, now)
}

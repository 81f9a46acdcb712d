//! An image and its states.
//!
//! A first upload takes the image from `pending` to `processing`, and from there to `ready` or `failed`. A pending image
//! without an upload expires.
//!
//! A replacement is a new version with the same states. Until it is ready, Darkroom serves the picture of the old
//! version. If the replacement fails or expires, the old picture stays.

mod jobs;
mod picture;
mod quota;
mod taken;
mod trash;

use serde::{Deserialize, Serialize};

pub use picture::{Picture, Placeholder, Thumbnail, Upload};
pub use taken::{InvalidPosition, TakenPosition, local_time};
pub use trash::Trash;

use crate::{
    Analysis, Description, DropboxCopy, Failure, FileName, FocalPoint, ImageId, Lease, ObjectKey,
    PhoneNumber, Prompt, Sequencer, SetId, Slot, Timestamp, Title, UploadLinkId, UserId,
};

/// The state of the latest upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The image waits for its upload.
    Pending,
    /// The upload arrived, and a worker creates the thumbnails.
    Processing,
    /// The thumbnails exist.
    Ready,
    /// The upload could not be developed, and will not be retried. [`Image::failure`] contains the reason.
    Failed,
}

impl Status {
    /// The name in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// The slot of an image set that contains an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlace {
    /// The set.
    pub id: SetId,
    /// The slot.
    pub image_type: Slot,
}

/// The record of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The image's id.
    pub id: ImageId,
    /// The file name that the client sent.
    pub file_name: FileName,
    /// The title, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The description, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The point of the picture that renditions keep if they cut something off, if the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_point: Option<FocalPoint>,
    /// What the caller declared about the latest upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// The number of the latest upload, from 1. Numbers are never reused, so that each object key is used once.
    pub version: u32,
    /// The state of the latest upload.
    pub status: Status,
    /// Why the latest upload failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the record was created.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// When the latest upload arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_at: Option<Timestamp>,
    /// While the first upload is pending: when the image expires, in seconds since 1970. This is the table's TTL
    /// attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// While a replacement is pending: when it expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_by: Option<i64>,
    /// The sequencer of the latest event that a worker processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// The lease of the worker that develops the upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// How many workers in succession have died while they developed the latest upload.
    #[serde(default, skip_serializing_if = "picture::is_zero")]
    pub crashes: u32,
    /// The picture that Darkroom serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// The slot of the image, if it belongs to an image set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetPlace>,
    /// The phone number that the image was uploaded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// The upload link through which a guest sent the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_link: Option<UploadLinkId>,
    /// The source image, if this image is an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_image_id: Option<ImageId>,
    /// The prompt of this edit; on a source image, the prompt of its latest edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_prompt: Option<Prompt>,
    /// The latest edit of this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_image_id: Option<ImageId>,
    /// Whether that edit starts only after the upload of this image was processed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edit_deferred: bool,
    /// The latest analysis of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// The copy of the served picture's original in Dropbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropbox_copy: Option<DropboxCopy>,
    /// Since when and until when the image is in the trash, if it is there. Only an image with a picture can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trash: Option<Trash>,
}

/// What a caller sends to create an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The file name that the client sent.
    pub file_name: FileName,
    /// The title.
    pub title: Option<Title>,
    /// The description.
    pub description: Option<Description>,
    /// What the caller declares about the file.
    pub upload: Upload,
}

impl Image {
    /// How long an image waits for its upload, in seconds.
    pub const PENDING_SECONDS: i64 = 24 * 60 * 60;

    /// A pending image of version 1.
    #[must_use]
    pub fn pending(new: NewImage, now: Timestamp) -> Self {
        Self {
            id: ImageId::generate(),
            file_name: new.file_name,
            title: new.title,
            description: new.description,
            focal_point: None,
            upload: new.upload,
            version: 1,
            status: Status::Pending,
            failure: None,
            created_at: now,
            updated_at: now,
            uploaded_at: None,
            expires_at: Some(now.as_second() + Self::PENDING_SECONDS),
            replace_by: None,
            sequencer: None,
            lease: None,
            crashes: 0,
            picture: None,
            set: None,
            phone_number: None,
            upload_link: None,
            source_image_id: None,
            edit_prompt: None,
            edit_image_id: None,
            edit_deferred: false,
            analysis: None,
            dropbox_copy: None,
            trash: None,
        }
    }

    /// The image as clients see it at `now`: `None` if the image expired. If a replacement expired, the old picture is
    /// ready again. DynamoDB deletes expired records later, so each read has to check.
    #[must_use]
    pub fn unless_expired(mut self, now: Timestamp) -> Option<Self> {
        let past = |at: i64| at <= now.as_second();
        if self.expires_at.is_some_and(past) {
            return None;
        }
        if self.status == Status::Pending && self.replace_by.is_some_and(past) {
            self.status = Status::Ready;
            self.replace_by = None;
        }
        Some(self)
    }

    /// The image as its owner's requests see it at `now`: `None` if the image has expired or is in the trash.
    ///
    /// Workers go on with an image in the trash, so they do not ask this.
    #[must_use]
    pub fn unless_hidden(self, now: Timestamp) -> Option<Self> {
        self.unless_expired(now).filter(|image| image.trash.is_none())
    }

    /// The image, if it is in the trash at `now` and can be restored.
    #[must_use]
    pub fn if_in_trash(self, now: Timestamp) -> Option<Self> {
        self.unless_expired(now)
            .filter(|image| image.trash.is_some_and(|trash| trash.until > now.as_second()))
    }

    /// The position of the image in the order of the times at which the pictures were taken.
    #[must_use]
    pub fn taken_position(&self) -> TakenPosition {
        let taken_at = self.picture.as_ref().and_then(|picture| picture.exif.taken_at.as_ref());
        TakenPosition::new(taken_at, self.created_at, self.id)
    }

    /// When the image stops waiting for its upload, in seconds since 1970. `None` if it does not wait.
    #[must_use]
    pub fn upload_deadline(&self) -> Option<i64> {
        self.expires_at.or(self.replace_by)
    }

    /// The version that the status describes: the picture's version if the image is ready, else the latest one.
    #[must_use]
    pub fn shown_version(&self) -> u32 {
        self.ready_picture().map_or(self.version, |picture| picture.version)
    }

    /// The upload that the status describes: the picture's upload if the image is ready, else the latest one.
    #[must_use]
    pub fn shown_upload(&self) -> &Upload {
        self.ready_picture().map_or(&self.upload, |picture| &picture.upload)
    }

    fn ready_picture(&self) -> Option<&Picture> {
        self.picture.as_ref().filter(|_| self.status == Status::Ready)
    }

    /// Whether there may be renditions of one of the image's versions.
    #[must_use]
    pub fn may_have_renditions(&self) -> bool {
        self.version > 1 || self.picture.as_ref().is_some_and(|picture| picture.renditions > 0)
    }

    /// Whether no worker has ever seen a file of this image.
    #[must_use]
    pub fn was_never_uploaded(&self) -> bool {
        self.status == Status::Pending && self.version == 1 && self.sequencer.is_none()
    }

    /// The object key of the latest version's original.
    #[must_use]
    pub fn key(&self, user: &UserId) -> ObjectKey {
        self.key_of(user, self.version)
    }

    /// The object key of a version's original.
    #[must_use]
    pub fn key_of(&self, user: &UserId, version: u32) -> ObjectKey {
        ObjectKey { user: user.clone(), image: self.id, version }
    }
}

#[cfg(test)]
mod samples {
    use super::*;

    pub(super) fn image(size: u64) -> Image {
        let new = NewImage {
            file_name: "a".to_owned().try_into().unwrap(),
            title: None,
            description: None,
            upload: upload(size),
        };
        Image::pending(new, crate::now())
    }

    fn upload(size: u64) -> Upload {
        Upload {
            content_type: crate::ContentType::Png,
            size: size.try_into().unwrap(),
            checksum_sha256: None,
        }
    }

    /// An image of 10 bytes that is ready, and a replacement of 7 bytes.
    pub(super) fn replaced(status: Status) -> Image {
        let mut image = image(7);
        image.picture = Some(Picture {
            version: 1,
            upload: upload(10),
            width: 1,
            height: 1,
            thumbnails: Vec::new(),
            renditions: 0,
            placeholder: Placeholder { thumbhash: String::new(), color: String::new() },
            exif: crate::Exif::default(),
        });
        (image.version, image.status, image.expires_at) = (2, status, None);
        image
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{image, replaced};
    use super::*;

    #[test]
    fn an_upload_that_never_arrives_expires() {
        let later = |seconds| Timestamp::from_second(crate::now().as_second() + seconds).unwrap();
        assert!(image(1).unless_expired(later(0)).is_some());
        assert!(image(1).unless_expired(later(Image::PENDING_SECONDS + 1)).is_none());

        let mut image = replaced(Status::Pending);
        image.replace_by = Some(later(10).as_second());
        assert_eq!(image.clone().unless_expired(later(0)).unwrap().status, Status::Pending);
        let image = image.unless_expired(later(11)).unwrap();
        assert_eq!((image.status, image.shown_version()), (Status::Ready, 1));
        assert_eq!(image.shown_upload().size.bytes(), 10);
    }
}

//! An image and the states it goes through.
//!
//! `pending` → `processing` → `ready` or `failed`. A pending image whose upload never comes expires.

use serde::{Deserialize, Serialize};

use crate::{
    ContentType, Description, FileName, ImageId, ObjectKey, Sha256, Timestamp, Title, UploadSize, UserId,
};

/// How far an image has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for its upload.
    Pending,
    /// Uploaded; its thumbnails are being made.
    Processing,
    /// Its thumbnails are there.
    Ready,
    /// It could not be developed, and never will be; [`Image::failure`] says why.
    Failed,
}

impl Status {
    /// The name used in records and responses.
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

/// Why an image failed, for its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable kebab-case code such as `not-an-image`.
    pub code: String,
    /// One sentence for people.
    pub detail: String,
}

/// What the caller declares of the file that it is going to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The declared media type.
    pub content_type: ContentType,
    /// The exact length in bytes.
    pub size: UploadSize,
    /// The content's digest, where the caller gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<Sha256>,
}

/// A thumbnail that lies in the bucket of derivatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// The size it was made for: the most that its longer side may have, in pixels.
    pub size: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Its media type.
    pub content_type: String,
}

/// What stands in for a picture until it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder {
    /// A ThumbHash in base 64.
    pub thumbhash: String,
    /// The average colour, `#rrggbb`.
    pub color: String,
}

/// Orders the events on one S3 key: the later event has the greater sequencer.
///
/// S3 gives hexadecimal text of varying length, to be compared after padding the shorter with zeros on
/// the right (Amazon S3 user guide, "Event message structure"). Kept padded, so that DynamoDB can
/// compare it as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequencer(String);

impl Sequencer {
    /// Longer than any that S3 has been seen to send (16 to 18 digits).
    const WIDTH: usize = 64;

    /// Pads the sequencer of an event.
    #[must_use]
    pub fn from_event(text: &str) -> Self {
        Self(format!("{:0<width$}", text.to_ascii_uppercase(), width = Self::WIDTH))
    }

    /// The padded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who may develop an image at present. It ends by itself, so that a crashed worker's work is taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The Lambda request that holds it; Lambda's retries of one event keep the request's id.
    pub owner: String,
    /// When it ends, in seconds since 1970.
    pub until: i64,
}

/// An image as the table keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image's id.
    pub id: ImageId,
    /// The client's name for the file.
    pub file_name: FileName,
    /// A title, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// A description, where the user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// What was declared for the upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// Width in pixels once developed, upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels once developed, upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Which upload this is, from 1.
    pub version: u32,
    /// How far it has come.
    pub status: Status,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// When the upload arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_at: Option<Timestamp>,
    /// While pending: when it expires, in seconds since 1970; the table's TTL attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// The latest event that was taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// Who is developing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The thumbnails that exist.
    #[serde(default)]
    pub thumbnails: Vec<Thumbnail>,
    /// What stands in for it until it is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<Placeholder>,
}

/// What a caller sends to make an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The client's name for the file.
    pub file_name: FileName,
    /// A title.
    pub title: Option<Title>,
    /// A description.
    pub description: Option<Description>,
    /// The file to come.
    pub upload: Upload,
}

impl Image {
    /// How long a pending image waits for its upload, in seconds.
    pub const PENDING_SECONDS: i64 = 24 * 60 * 60;

    /// A pending image of version 1.
    #[must_use]
    pub fn pending(new: NewImage, now: Timestamp) -> Self {
        Self {
            id: ImageId::generate(),
            file_name: new.file_name,
            title: new.title,
            description: new.description,
            upload: new.upload,
            width: None,
            height: None,
            version: 1,
            status: Status::Pending,
            failure: None,
            created_at: now,
            updated_at: now,
            uploaded_at: None,
            expires_at: Some(now.as_second() + Self::PENDING_SECONDS),
            sequencer: None,
            lease: None,
            thumbnails: Vec::new(),
            placeholder: None,
        }
    }

    /// Whether its time is past; the table removes such records only some time later, and until then
    /// nobody should see them.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now.as_second())
    }

    /// Where the original of the present version lies.
    #[must_use]
    pub fn key(&self, user: &UserId) -> ObjectKey {
        ObjectKey { user: user.clone(), image: self.id, version: self.version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_sequencer_is_not_later_just_for_its_length() {
        let older = Sequencer::from_event("0055AED6DCD90281E5");
        let newer = Sequencer::from_event("0055AED6DCD90281E6");
        assert!(older < newer);
        assert!(Sequencer::from_event("0055aed6dcd90281") < older);
        assert_eq!(Sequencer::from_event("0055AE"), Sequencer::from_event("0055AE00"));
    }
}

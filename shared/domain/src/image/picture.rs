//! Uploads, and the pictures that are developed from them.

use serde::{Deserialize, Serialize};

use crate::{ContentType, Exif, Sha256, UploadSize};

/// What the caller declares about the file before the upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The declared media type.
    pub content_type: ContentType,
    /// The exact length in bytes.
    pub size: UploadSize,
    /// The SHA-256 digest of the content, if the caller declared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<Sha256>,
}

/// A thumbnail in the bucket of derivatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// The requested size: the longer side has at most this many pixels.
    pub size: u32,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The media type.
    pub content_type: String,
}

/// What clients show until they have loaded the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholder {
    /// A ThumbHash in base64.
    pub thumbhash: String,
    /// The dominant color, as `#rrggbb`.
    pub color: String,
}

/// A version that was developed. Darkroom serves it until a later version is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The number of the upload that the picture was developed from.
    pub version: u32,
    /// What the caller declared about that upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// The width in pixels, after the EXIF orientation is applied.
    pub width: u32,
    /// The height in pixels, after the EXIF orientation is applied.
    pub height: u32,
    /// The thumbnails that exist.
    pub thumbnails: Vec<Thumbnail>,
    /// How many renditions were requested. A new picture begins with none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub renditions: u32,
    /// What clients show until they have loaded the picture.
    pub placeholder: Placeholder,
    /// What a camera wrote into the original. Pictures of earlier releases have none.
    #[serde(default, skip_serializing_if = "Exif::is_empty")]
    pub exif: Exif,
}

pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

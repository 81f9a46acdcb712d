//! Presigned URLs for downloads and uploads.

use crate::{Thumbnail, Timestamp};

/// A presigned URL of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The URL.
    pub url: String,
    /// When the URL expires.
    pub expires_at: Timestamp,
}

/// The URLs of an image that its owner's tier allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The thumbnails, smallest first.
    pub thumbnails: Vec<(Thumbnail, Link)>,
    /// The original, as a download.
    pub original: Option<Link>,
    /// The shared link of the original's copy in Dropbox. Anyone with the link can download the original, so the same
    /// tiers allow it.
    pub dropbox: Option<String>,
}

/// A presigned upload: what a client has to send, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedUpload {
    /// The URL to `PUT` the bytes to.
    pub url: String,
    /// The headers that the signature covers. The request must contain exactly these.
    pub headers: Vec<(String, String)>,
    /// The request must start before this time.
    pub expires_at: Timestamp,
}

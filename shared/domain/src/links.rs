//! Addresses at which a picture can be fetched for a while.

use crate::{Thumbnail, Timestamp};

/// A presigned address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The address.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// The addresses of an image that its owner's tier allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The thumbnails, smallest first.
    pub thumbnails: Vec<(Thumbnail, Link)>,
    /// The original, as a download.
    pub original: Option<Link>,
}

/// A presigned upload: what a client has to send, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTicket {
    /// Where to `PUT` the bytes.
    pub url: String,
    /// The headers that the signature covers; the request must carry exactly these.
    pub headers: Vec<(String, String)>,
    /// Until when the request may begin.
    pub expires_at: Timestamp,
}

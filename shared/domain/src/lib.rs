#![doc = include_str!("../README.md")]

mod analysis;
mod dropbox_copy;
mod file;
mod id;
mod image;
mod job;
mod key;
mod links;
mod phone;
mod set;
mod tier;
mod user;

pub use analysis::{Analysis, Findings};
pub use dropbox_copy::{DropboxCopy, DropboxPath};
pub use file::{
    ContentType, Description, FileName, HEIC_NOT_SUPPORTED, InvalidField, Prompt, Sha256, TierName, Title,
    UploadSize,
};
pub use id::{ImageId, InvalidId, InvalidUserId, JobId, SetId, UserId};
pub use image::{
    Failure, Image, Lease, NewImage, Picture, Placeholder, Sequencer, SetPlace, Status, Thumbnail, Upload,
};
pub use job::{Job, Progress, Task};
pub use key::{InvalidKey, ObjectKey, derivative_key, derivatives_prefix, image_prefix};
pub use links::{Link, Links, UploadTicket};
pub use phone::PhoneNumber;
pub use set::{ImageSet, SetText, Slot, Slots};
pub use tier::{DefaultTier, ThumbnailSizes, Tier, TierId};
pub use user::{Profile, Usage};

/// An instant in UTC, written as RFC 3339.
pub use jiff::Timestamp;

/// The present, cut to milliseconds so that it reads the same in every record and response.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

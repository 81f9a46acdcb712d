#![doc = include_str!("../README.md")]

mod analysis;
mod dropbox_copy;
mod failure;
mod file;
mod id;
mod image;
mod job;
mod key;
mod lease;
mod limits;
mod links;
mod phone;
mod sequencer;
mod set;
mod tier;
mod user;

pub use analysis::{Analysis, Findings};
pub use dropbox_copy::{DropboxCopy, DropboxPath};
pub use failure::{Failure, FailureCode};
pub use file::{
    ContentType, Description, FileName, InvalidField, Prompt, Sha256, TierName, Title, UploadSize,
};
pub use id::{ImageId, InvalidId, InvalidUserId, JobId, LinkId, SetId, UserId};
pub use image::{Image, NewImage, Picture, Placeholder, SetPlace, Status, Thumbnail, Upload};
pub use job::{Job, Progress, Task};
pub use key::{InvalidKey, ObjectKey, derivative_key, derivatives_prefix, image_prefix};
pub use lease::Lease;
pub use limits::{Addition, CreationBucket, LimitError, Quota, TakeTokens, check_counts, check_rules, day};
pub use links::{Link, Links, UploadTicket};
pub use phone::PhoneNumber;
pub use sequencer::Sequencer;
pub use set::{ImageSet, SetText, Slot, Slots};
pub use tier::{DefaultTier, ThumbnailSizes, Tier, TierId};
pub use user::{Profile, Usage};

/// A time in UTC, which serializes as RFC 3339.
pub use jiff::Timestamp;

/// The current time. It has no fractions of a millisecond, so that it is the same in every record and response.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

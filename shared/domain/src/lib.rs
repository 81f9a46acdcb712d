#![doc = include_str!("../README.md")]

mod address;
mod analysis;
mod api_key;
mod audit;
mod creation_bucket;
mod download;
mod dropbox_copy;
mod dropbox_path;
mod event;
mod exif;
mod expiring_link;
mod failure;
mod file;
mod id;
mod image;
mod job;
mod key;
mod lease;
mod limits;
mod links;
mod month;
mod order;
mod phone;
mod rendition;
mod search;
mod secret;
mod sequencer;
mod set;
mod tier;
mod upload_link;
mod user;
mod webhook;

pub use address::is_public;
pub use analysis::{Analysis, Findings};
pub use api_key::{ApiKey, ApiKeyText, InvalidApiKey, KeyName, Scope, Scopes};
pub use audit::{AuditAction, AuditDetails, AuditEntry, AuditOutcome, AuditTarget, TargetKind};
pub use creation_bucket::{CreationBucket, TakeTokens};
pub use download::{ArchiveNames, Download, DownloadProgress, downloads_prefix};
pub use dropbox_copy::DropboxCopy;
pub use dropbox_path::DropboxPath;
pub use event::{
    DataContentType, DeletionReason, Event, EventData, EventImage, EventResult, EventType, EventWebhook,
    SpecVersion,
};
pub use exif::{Exif, InvalidTakenAt, Location, TakenAt};
pub use expiring_link::{ExpiringLink, InvalidLinkId, LinkId};
pub use failure::{Failure, FailureCode};
pub use file::{
    ContentType, Description, FileName, InvalidField, Prompt, Sha256, TierName, Title, UploadSize,
};
pub use id::{
    ApiKeyId, AuditId, DeliveryId, DownloadId, ImageId, InvalidId, InvalidUserId, JobId, SetId, UserId,
    WebhookId,
};
pub use image::{
    Image, InvalidPosition, NewImage, Picture, Placeholder, SetPlace, Status, TakenPosition, Thumbnail,
    Trash, Upload, local_time,
};
pub use job::{Job, Progress, Task};
pub use key::{InvalidKey, ObjectKey, derivative_key, derivatives_prefix, image_prefix, user_prefix};
pub use lease::Lease;
pub use limits::{Addition, LimitError, Quota, check_counts, check_rules, day, seconds_until_next_day};
pub use links::{Link, Links, PresignedUpload};
pub use month::Month;
pub use order::{Order, SortBy};
pub use phone::PhoneNumber;
pub use rendition::{
    Color, Dpr, Fit, FocalPoint, Fraction, Gravity, InvalidOption, Pixels, Quality, Rendition,
    RenditionFormat, RenditionOptions, RequestedRendition, StoredRendition,
};
pub use search::{SearchWords, Words, fold};
pub use sequencer::Sequencer;
pub use set::{ImageSet, InvalidSlot, SetChange, SetText, Slot, Slots};
pub use tier::{DefaultTier, ThumbnailSizes, Tier, TierId};
pub use upload_link::{InvalidUploadLinkId, UploadLink, UploadLinkId};
pub use user::{Profile, Usage};
pub use webhook::{
    Attempt, AttemptError, Delivery, DeliveryStatus, Disabled, DisabledReason, PreviousSecret, Webhook,
    WebhookEvents, WebhookSecret, WebhookSecrets, WebhookUrl,
};

/// A time in UTC, which serializes as RFC 3339.
pub use jiff::Timestamp;

/// The current time. It has no fractions of a millisecond, so that it is the same in every record and response.
#[must_use]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

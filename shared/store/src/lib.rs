#![doc = include_str!("../README.md")]

mod account;
mod admin_images;
mod admin_lock;
mod admin_sets;
mod api_keys;
mod audit;
mod counts;
mod downloads;
mod dynamodb;
mod idempotency;
mod images;
mod imports;
mod jobs;
#[cfg(test)]
mod judged;
mod links;
mod objects;
mod older_items;
mod pending_emails;
mod profiles;
mod sets;
mod tier_joins;
mod tiers;
mod upload_links;
mod usage;
mod webhooks;

pub use account::AccountRest;
pub use admin_images::{Filter, OwnedImage};
pub use admin_sets::{OwnedSet, SetFilter};
pub use api_keys::ApiKeyError;
pub use audit::AuditFilter;
pub use downloads::DownloadError;
pub use dynamodb::records::{Page, Records};
pub use idempotency::{BeginError, Begun, Created, IdempotencyKey};
pub use images::{
    claim::Claim,
    create::CreateError,
    expired::SearchPosition,
    finish::{Developed, Outcome},
    refund::Refund,
    rendition::{MadeRendition, RenditionClaim, RenditionItem},
    replace::ReplaceError,
    resize::ResizeClaim,
    search::{ImageSearch, SearchPlace},
    taken::TakenRange,
    trash::EmptiedTrash,
    update::Change,
};
pub use imports::{ImportKey, Imported};
pub use jobs::{claim::JobClaim, finish::JobOutcome, request::AnalyzeError};
pub use links::{LinkError, OpenedLink};
pub use objects::{
    AddressChoice, ThumbnailChoice,
    archive::ArchiveUpload,
    content_disposition,
    files::{Objects, OriginalPart},
};
pub use older_items::OlderItems;
pub use pending_emails::PendingEmail;
pub use sets::slots::{PlaceError, PlacedImage};
pub use tiers::DeleteTierError;
pub use webhooks::{DeliveryWork, RedeliverError, WebhookChange, WebhookError};

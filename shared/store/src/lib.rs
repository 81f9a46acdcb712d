#![doc = include_str!("../README.md")]

mod account;
mod admin_images;
mod admin_lock;
mod admin_sets;
mod audit;
mod counts;
mod dynamodb;
mod idempotency;
mod images;
mod imports;
mod jobs;
#[cfg(test)]
mod judged;
mod links;
mod objects;
mod pending_emails;
mod profiles;
mod set_index;
mod sets;
mod tier_joins;
mod tiers;
mod upload_links;
mod usage;

pub use account::AccountRest;
pub use admin_images::{Filter, OwnedImage};
pub use admin_sets::{OwnedSet, SetFilter};
pub use audit::AuditFilter;
pub use dynamodb::records::{Page, Records};
pub use idempotency::{Created, IdempotencyKey};
pub use images::{
    claim::Claim,
    create::CreateError,
    expired::SweepPosition,
    finish::{Developed, Outcome},
    refund::Refund,
    replace::ReplaceError,
    update::Change,
};
pub use imports::{ImportKey, Imported};
pub use jobs::{claim::JobClaim, finish::JobOutcome, request::AnalyzeError};
pub use links::LinkError;
pub use objects::files::{Objects, OriginalPart};
pub use tiers::DeleteTierError;

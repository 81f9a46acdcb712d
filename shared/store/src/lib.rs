#![doc = include_str!("../README.md")]

mod admin_images;
mod counts;
mod dynamodb;
mod idempotency;
mod images;
mod jobs;
#[cfg(test)]
mod judged;
mod links;
mod objects;
mod pending_emails;
mod profiles;
mod sets;
mod tier_joins;
mod tiers;
mod usage;

pub use admin_images::{Filter, OwnedImage};
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
pub use jobs::{claim::JobClaim, finish::JobOutcome, request::AnalyzeError};
pub use links::LinkError;
pub use objects::files::{Objects, OriginalPart};
pub use tiers::DeleteTierError;

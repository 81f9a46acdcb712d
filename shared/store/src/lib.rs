#![doc = include_str!("../README.md")]

mod change;
mod conflict;
mod create;
mod everyone;
mod item;
mod jobs;
#[cfg(test)]
mod judged;
mod objects;
mod records;
mod sets;
mod tiers;
mod work;

pub use change::{Change, ReplaceError};
pub use create::{CreateError, Made, Once};
pub use everyone::{Filter, OwnedImage};
pub use jobs::{AskError, JobClaim, Settled};
pub use objects::{Objects, OriginalPart};
pub use records::{Page, Records};
pub use tiers::DeleteTierError;
pub use work::{Claim, Developed, Outcome};

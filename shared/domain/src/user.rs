//! What Darkroom keeps of a user. Cognito keeps the rest.

use serde::{Deserialize, Serialize};

use crate::{Tier, TierId};

/// A user's tier and what it has used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The tier the user is in.
    pub tier: TierId,
    /// A copy of that tier's rules.
    pub limits: Tier,
    /// What counts against them.
    #[serde(flatten)]
    pub usage: Usage,
}

/// Counted exactly, in the transaction that makes or removes an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Images, those that wait for their upload included.
    pub images: u64,
    /// The sum of their declared sizes, in bytes.
    pub bytes: u64,
}

impl Profile {
    /// The profile of a user who has nothing yet.
    #[must_use]
    pub fn new(limits: Tier) -> Self {
        Self { tier: limits.id.clone(), limits, usage: Usage::default() }
    }
}

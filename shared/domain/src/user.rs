//! What Darkroom stores about a user. Cognito stores the rest.

use serde::{Deserialize, Serialize};

use crate::{Tier, TierId};

/// A user's tier and usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The user's tier.
    pub tier: TierId,
    /// A copy of the tier's rules.
    pub limits: Tier,
    /// What counts against the limits.
    #[serde(flatten)]
    pub usage: Usage,
}

/// What a user has used. The transaction that creates or deletes an image updates the counts, so they are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The number of images, including images that wait for their upload.
    pub images: u64,
    /// The sum of the declared sizes, in bytes.
    pub bytes: u64,
}

impl Profile {
    /// The profile of a user without images.
    #[must_use]
    pub fn new(limits: Tier) -> Self {
        Self { tier: limits.id.clone(), limits, usage: Usage::default() }
    }
}

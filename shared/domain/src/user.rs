//! What Darkroom stores about a user. Cognito stores the rest.

use serde::{Deserialize, Serialize};

use crate::{CreationBucket, Tier, TierId};

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

/// What a user has used, as the profile stores it.
///
/// The numbers of images, bytes, sets and AI calls are exact, because the transactions that create and delete things
/// also update them. The other numbers are upper bounds: creations increase them, but nothing decreases them when an
/// upload arrives or a link expires. Before an upper bound would refuse a request, it is counted again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The number of images, including images that wait for their upload.
    pub images: u64,
    /// The sum of the declared sizes, in bytes.
    pub bytes: u64,
    /// The number of image sets. `None` until the user creates a set: the sets may be older than this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<u64>,
    /// At most this many new images wait for their upload. `None` in profiles that are older than this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_uploads_at_most: Option<u64>,
    /// At most this many expiring links work. `None` until the user creates a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links_at_most: Option<u64>,
    /// At most this many upload links work. `None` until the user creates an upload link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_links_at_most: Option<u64>,
    /// The day of `ai_calls`: the number of days in UTC since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_day: Option<i64>,
    /// The number of AI analyses and edits that the user requested on `ai_day`.
    #[serde(default)]
    pub ai_calls: u64,
    /// How many more things the user may create now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_bucket: Option<CreationBucket>,
}

impl Usage {
    /// The number of AI calls on a day.
    #[must_use]
    pub fn ai_calls_on(&self, day: i64) -> u64 {
        if self.ai_day == Some(day) { self.ai_calls } else { 0 }
    }
}

impl Profile {
    /// The profile of a user without images.
    #[must_use]
    pub fn new(limits: Tier) -> Self {
        Self { tier: limits.id.clone(), limits, usage: Usage::default() }
    }
}

//! Account tiers: what a user may upload and see.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::InvalidField;

/// Names a tier: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TierId(String);

impl TierId {
    /// The tier of a user to whom none was given.
    #[must_use]
    pub fn default_for_new_users() -> Self {
        Self("basic".to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TierId {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then_some(Self(text))
            .ok_or_else(|| InvalidField::from("must be 1 to 32 lower-case letters, digits and hyphens"))
    }
}

impl From<TierId> for String {
    fn from(id: TierId) -> Self {
        id.0
    }
}

/// A tier's rules. Tiers are data: they stand in the table, and each user's record carries a copy of
/// its own tier's rules, so that no request has to look them up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The tier's id.
    pub id: TierId,
    /// The name people see.
    pub name: String,
    /// Longest sides of the thumbnails, in pixels.
    pub thumbnail_sizes: Vec<u32>,
    /// Whether the original can be downloaded.
    pub original_link: bool,
    /// Whether links that expire can be made.
    pub expiring_links: bool,
    /// The largest upload, in bytes.
    pub max_image_bytes: u64,
    /// How many images a user may have, those that wait for their upload included.
    pub max_images: u64,
    /// Whether AI analysis and edits are allowed.
    pub ai: bool,
}

impl Tier {
    /// The smallest thumbnail of the tier, which stands for the picture where no size is asked for.
    #[must_use]
    pub fn smallest_size(&self) -> Option<u32> {
        self.thumbnail_sizes.iter().copied().min()
    }
}

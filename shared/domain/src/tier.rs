//! Account tiers: what a user may upload and see.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{InvalidField, TierName};

/// The id of a tier: 1 to 32 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TierId(String);

impl TierId {
    /// The tier of new users.
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

/// The longest sides of a tier's thumbnails in pixels: 1 to 8 sizes of 16 to 4,096, each once, smallest first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<u32>")]
pub struct ThumbnailSizes(Vec<u32>);

impl TryFrom<Vec<u32>> for ThumbnailSizes {
    type Error = InvalidField;

    fn try_from(mut sizes: Vec<u32>) -> Result<Self, InvalidField> {
        const MAX_SIZES: usize = 8;
        const PIXELS: std::ops::RangeInclusive<u32> = 16..=4096;
        sizes.sort_unstable();
        let distinct = sizes.windows(2).all(|pair| pair[0] != pair[1]);
        let fits = (1..=MAX_SIZES).contains(&sizes.len()) && sizes.iter().all(|size| PIXELS.contains(size));
        (fits && distinct)
            .then_some(Self(sizes))
            .ok_or_else(|| InvalidField::from("must be 1 to 8 different sizes of 16 to 4096 pixels"))
    }
}

impl From<ThumbnailSizes> for Vec<u32> {
    fn from(sizes: ThumbnailSizes) -> Self {
        sizes.0
    }
}

/// A tier's rules. Tiers are records in the table. Each profile contains a copy of its tier's rules, so that requests
/// do not have to look them up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The tier's id.
    pub id: TierId,
    /// The name that people see.
    pub name: TierName,
    /// Longest sides of the thumbnails, in pixels.
    pub thumbnail_sizes: Vec<u32>,
    /// Whether the original can be downloaded.
    pub original_link: bool,
    /// Whether expiring links can be created.
    pub expiring_links: bool,
    /// The largest upload, in bytes.
    pub max_image_bytes: u64,
    /// How many images a user may have, including images that wait for their upload.
    pub max_images: u64,
    /// Whether AI analysis and edits are allowed.
    pub ai: bool,
    /// Increases with each change, to show which of two copies is newer.
    #[serde(default)]
    pub revision: u64,
}

impl Tier {
    /// The smallest thumbnail size of the tier. Clients that request no size get this one.
    #[must_use]
    pub fn smallest_size(&self) -> Option<u32> {
        self.thumbnail_sizes.iter().copied().min()
    }
}

/// A tier that a new deployment creates. Admins can change and delete it, and later deployments do not restore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultTier {
    /// The tier of new users: one thumbnail.
    Basic,
    /// More and larger images, and links to originals.
    Premium,
    /// Everything.
    Enterprise,
}

impl DefaultTier {
    /// All default tiers.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Premium, Self::Enterprise];

    /// The rules of the tier in a new deployment.
    #[must_use]
    pub fn rules(self) -> Tier {
        let (id, name, thumbnail_sizes, max_image_bytes, max_images) = match self {
            Self::Basic => ("basic", "Basic", vec![200], 10_000_000, 100),
            Self::Premium => ("premium", "Premium", vec![200, 400], 25_000_000, 1_000),
            Self::Enterprise => ("enterprise", "Enterprise", vec![200, 400, 1200], 50_000_000, 10_000),
        };
        Tier {
            id: TierId(id.to_owned()),
            name: TierName::from_static(name),
            thumbnail_sizes,
            original_link: self != Self::Basic,
            expiring_links: self == Self::Enterprise,
            max_image_bytes,
            max_images,
            ai: self == Self::Enterprise,
            revision: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_tiers_are_valid_and_include_the_one_for_new_users() {
        for tier in DefaultTier::ALL.map(DefaultTier::rules) {
            assert!(TierId::try_from(tier.id.as_str().to_owned()).is_ok(), "{tier:?}");
            assert!(TierName::try_from(tier.name.as_str().to_owned()).is_ok(), "{tier:?}");
            let sizes = ThumbnailSizes::try_from(tier.thumbnail_sizes.clone()).map(Vec::from);
            assert_eq!(sizes.as_ref(), Ok(&tier.thumbnail_sizes));
        }
        assert_eq!(DefaultTier::Basic.rules().id, TierId::default_for_new_users());
    }
}

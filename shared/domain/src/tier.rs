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
#[serde(from = "StoredTier")]
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
    /// Whether renditions can be requested.
    pub renditions: bool,
    /// The largest upload, in bytes.
    pub max_image_bytes: u64,
    /// How many images a user may have, including images that wait for their upload.
    pub max_images: u64,
    /// How many image sets a user may have.
    pub max_sets: u64,
    /// How many expiring links of a user may work at the same time.
    pub max_links: u64,
    /// How many new images of a user may wait for their upload at the same time. Replacements and edits do not count.
    pub max_pending_uploads: u64,
    /// Whether AI analysis and edits are allowed.
    pub ai: bool,
    /// How many AI analyses and edits a user may request on one day in UTC.
    pub max_ai_calls_per_day: u64,
    /// How many days a deleted picture stays in the trash. 0 switches the trash off.
    pub trash_days: u64,
    /// Increases with each change, to show which of two copies is newer.
    pub revision: u64,
}

/// A tier as it is stored. Tiers and profiles of earlier versions of Darkroom lack the optional limits. They do not allow
/// renditions and have no trash until an admin changes that: a deletion then still frees the quota at once, as clients of
/// earlier versions expect it.
#[derive(Deserialize)]
struct StoredTier {
    id: TierId,
    name: TierName,
    thumbnail_sizes: Vec<u32>,
    original_link: bool,
    expiring_links: bool,
    #[serde(default)]
    renditions: bool,
    max_image_bytes: u64,
    max_images: u64,
    max_sets: Option<u64>,
    max_links: Option<u64>,
    max_pending_uploads: Option<u64>,
    ai: bool,
    max_ai_calls_per_day: Option<u64>,
    #[serde(default)]
    trash_days: u64,
    #[serde(default)]
    revision: u64,
}

impl From<StoredTier> for Tier {
    /// Fills in missing limits: those of the default tier with the same id, or the largest ones for other tiers. An
    /// upgrade thus never gives the users of a tier less than it gives a new deployment.
    fn from(stored: StoredTier) -> Self {
        let default = DefaultTier::ALL.map(DefaultTier::rules).into_iter().find(|tier| tier.id == stored.id);
        let default = default.unwrap_or_else(|| DefaultTier::Enterprise.rules());
        Self {
            id: stored.id,
            name: stored.name,
            thumbnail_sizes: stored.thumbnail_sizes,
            original_link: stored.original_link,
            expiring_links: stored.expiring_links,
            renditions: stored.renditions,
            max_image_bytes: stored.max_image_bytes,
            max_images: stored.max_images,
            max_sets: stored.max_sets.unwrap_or(default.max_sets),
            max_links: stored.max_links.unwrap_or(default.max_links),
            max_pending_uploads: stored.max_pending_uploads.unwrap_or(default.max_pending_uploads),
            ai: stored.ai,
            max_ai_calls_per_day: stored.max_ai_calls_per_day.unwrap_or(default.max_ai_calls_per_day),
            trash_days: stored.trash_days,
            revision: stored.revision,
        }
    }
}

impl Tier {
    /// The greatest number of days that a tier's trash can have.
    pub const MAX_TRASH_DAYS: u64 = 365;

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
        let (max_sets, max_links, max_pending_uploads, max_ai_calls_per_day) = match self {
            Self::Basic => (100, 100, 100, 10),
            Self::Premium => (1_000, 500, 500, 50),
            Self::Enterprise => (10_000, 1_000, 1_000, 200),
        };
        Tier {
            id: TierId(id.to_owned()),
            name: TierName::from_static(name),
            thumbnail_sizes,
            original_link: self != Self::Basic,
            expiring_links: self == Self::Enterprise,
            renditions: self == Self::Enterprise,
            max_image_bytes,
            max_images,
            max_sets,
            max_links,
            max_pending_uploads,
            ai: self == Self::Enterprise,
            max_ai_calls_per_day,
            trash_days: 30,
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

    #[test]
    fn tiers_of_earlier_versions_get_the_new_limits() {
        let mut old = serde_json::to_value(DefaultTier::Premium.rules()).unwrap();
        let new = [
            "renditions",
            "max_sets",
            "max_links",
            "max_pending_uploads",
            "max_ai_calls_per_day",
            "trash_days",
            "revision",
        ];
        for limit in new {
            old.as_object_mut().unwrap().remove(limit);
        }
        let read = |tier: &serde_json::Value| serde_json::from_value::<Tier>(tier.clone()).unwrap();
        assert_eq!(read(&old), Tier { revision: 0, trash_days: 0, ..DefaultTier::Premium.rules() });
        old["id"] = "gold".into();
        let (gold, enterprise) = (read(&old), DefaultTier::Enterprise.rules());
        assert_eq!((gold.max_images, gold.max_sets, gold.max_links), (1_000, 10_000, enterprise.max_links));
        assert!(!gold.renditions && !read(&old).renditions && enterprise.renditions);
        old["max_sets"] = 7.into();
        assert_eq!(read(&old).max_sets, 7);
    }
}

//! Tiers in responses.

use domain::{Tier, TierId};
use serde::Serialize;

/// A tier and its rules.
#[derive(Debug, Serialize)]
pub struct TierBody {
    id: TierId,
    name: String,
    thumbnail_sizes: Vec<u32>,
    original_link: bool,
    expiring_links: bool,
    max_image_bytes: u64,
    max_images: u64,
    ai: bool,
}

impl From<Tier> for TierBody {
    fn from(tier: Tier) -> Self {
        Self {
            id: tier.id,
            name: tier.name.into(),
            thumbnail_sizes: tier.thumbnail_sizes,
            original_link: tier.original_link,
            expiring_links: tier.expiring_links,
            max_image_bytes: tier.max_image_bytes,
            max_images: tier.max_images,
            ai: tier.ai,
        }
    }
}

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
    renditions: bool,
    max_image_bytes: u64,
    max_images: u64,
    max_sets: u64,
    max_links: u64,
    max_pending_uploads: u64,
    ai: bool,
    max_ai_calls_per_day: u64,
    trash_days: u64,
}

impl From<Tier> for TierBody {
    fn from(tier: Tier) -> Self {
        Self {
            id: tier.id,
            name: tier.name.into(),
            thumbnail_sizes: tier.thumbnail_sizes,
            original_link: tier.original_link,
            expiring_links: tier.expiring_links,
            renditions: tier.renditions,
            max_image_bytes: tier.max_image_bytes,
            max_images: tier.max_images,
            max_sets: tier.max_sets,
            max_links: tier.max_links,
            max_pending_uploads: tier.max_pending_uploads,
            ai: tier.ai,
            max_ai_calls_per_day: tier.max_ai_calls_per_day,
            trash_days: tier.trash_days,
        }
    }
}

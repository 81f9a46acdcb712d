//! Imports tiers.

use domain::{DefaultTier, Tier};
use store::Records;

use crate::{
    manifest::{Limit, TierLine, TrashDays},
    outcome::{LineError, Outcome, refused},
};

/// Creates a tier, unless it exists. A tier that exists does not change.
pub(crate) async fn import(records: &Records, line: &TierLine) -> Result<Outcome, LineError> {
    let tier = tier(line);
    if records.create_tier(&tier).await? {
        return Ok(Outcome::Created);
    }
    match records.tier(&tier.id).await? {
        // Only the revisions may differ.
        Some(found) if found == (Tier { revision: found.revision, ..tier }) => Ok(Outcome::Exists),
        _ => Err(refused("a tier with this id exists and has other rules; an admin can change them")),
    }
}

/// A limit that the line does not mention is that of the tier `enterprise` of a new deployment.
fn tier(line: &TierLine) -> Tier {
    let most = DefaultTier::Enterprise.rules();
    let limit = |limit: Option<Limit>, otherwise: u64| limit.map_or(otherwise, |Limit(number)| number);
    Tier {
        id: line.id.clone(),
        name: line.name.clone(),
        thumbnail_sizes: line.thumbnail_sizes.clone().into(),
        original_link: line.original_link,
        expiring_links: line.expiring_links,
        renditions: line.renditions,
        max_image_bytes: limit(line.max_image_bytes, most.max_image_bytes),
        max_images: limit(line.max_images, most.max_images),
        max_sets: limit(line.max_sets, most.max_sets),
        max_links: limit(line.max_links, most.max_links),
        max_pending_uploads: limit(line.max_pending_uploads, most.max_pending_uploads),
        ai: line.ai,
        max_ai_calls_per_day: limit(line.max_ai_calls_per_day, most.max_ai_calls_per_day),
        trash_days: line.trash_days.map_or(most.trash_days, |TrashDays(days)| days),
        revision: 1,
    }
}

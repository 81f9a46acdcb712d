//! A user's usage in responses.

use domain::{Timestamp, Usage, day};
use serde::Serialize;

/// What a user has used of the limits of the tier.
#[derive(Debug, Serialize)]
pub struct UsageBody {
    images: u64,
    bytes: u64,
    sets: u64,
    links: u64,
    pending_uploads: u64,
    ai_calls_today: u64,
}

impl UsageBody {
    /// Usage whose numbers are all current.
    #[must_use]
    pub fn new(usage: &Usage, now: Timestamp) -> Self {
        Self {
            images: usage.images,
            bytes: usage.bytes,
            sets: usage.sets.unwrap_or_default(),
            links: usage.links_at_most.unwrap_or_default(),
            pending_uploads: usage.pending_uploads_at_most.unwrap_or_default(),
            ai_calls_today: usage.ai_calls_on(day(now)),
        }
    }
}

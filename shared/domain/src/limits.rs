//! Limits for each user.

use crate::{CreationBucket, Image, Profile, Tier, Timestamp, UploadLink};

/// A limit on the number of things that a user has at the same time. All but the last one depend on the tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Images, including images that wait for their upload.
    Images,
    /// Image sets.
    Sets,
    /// Expiring links that work.
    Links,
    /// New images that wait for their upload.
    PendingUploads,
    /// Upload links that work.
    UploadLinks,
}

impl Quota {
    /// The name of the limit in tiers and in responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "max_images",
            Self::Sets => "max_sets",
            Self::Links => "max_links",
            Self::PendingUploads => "max_pending_uploads",
            Self::UploadLinks => "max_upload_links",
        }
    }

    /// How many a user of the tier may have.
    #[must_use]
    pub fn of(self, tier: &Tier) -> u64 {
        match self {
            Self::Images => tier.max_images,
            Self::Sets => tier.max_sets,
            Self::Links => tier.max_links,
            Self::PendingUploads => tier.max_pending_uploads,
            Self::UploadLinks => UploadLink::MAX_PER_USER,
        }
    }
}

/// What a request adds to a user's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// New images.
    pub images: u64,
    /// The bytes that they count against the quota.
    pub bytes: u64,
    /// The size of the largest file, in bytes.
    pub largest_file: u64,
    /// New images that wait for the upload of a client.
    pub pending_uploads: u64,
    /// New image sets.
    pub sets: u64,
    /// New expiring links.
    pub links: u64,
    /// New upload links.
    pub upload_links: u64,
    /// Requested AI analyses and edits.
    pub ai_calls: u64,
    /// Requested tests and repetitions of deliveries to webhooks.
    pub deliveries: u64,
    /// New webhooks.
    pub webhooks: u64,
    /// New API keys.
    pub api_keys: u64,
}

impl Addition {
    /// What new images add. An analysis or an edit counts when it is requested, even if it begins later.
    #[must_use]
    pub fn of_images(images: &[Image]) -> Self {
        let count = |has: fn(&Image) -> bool| images.iter().filter(|image| has(image)).count() as u64;
        Self {
            images: images.len() as u64,
            bytes: images.iter().map(Image::quota_bytes).sum(),
            largest_file: images.iter().map(|image| image.upload.size.bytes()).max().unwrap_or_default(),
            pending_uploads: count(|image| image.source_image_id.is_none()),
            ai_calls: count(|image| image.source_image_id.is_some())
                + count(|image| image.analysis.is_some()),
            ..Self::default()
        }
    }

    /// The tokens that the request takes from the [`CreationBucket`]: one for each new item, each AI call and each
    /// delivery.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        let Self { images, sets, links, upload_links, ai_calls, deliveries, webhooks, api_keys, .. } = self;
        images + sets + links + upload_links + ai_calls + deliveries + webhooks + api_keys
    }
}

/// Why a request was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The user has as many as the tier allows.
    #[error("{} is {}", .0.name(), .0.of(.1))]
    QuotaExceeded(Quota, Box<Tier>),
    /// A file is larger than the tier allows.
    #[error("files may have {} bytes at most", .0.max_image_bytes)]
    FileTooLarge(Box<Tier>),
    /// The account was deleted, or is being deleted.
    #[error("the account is being deleted")]
    AccountDeleted,
    /// The tier does not include AI.
    #[error("the tier does not include AI")]
    AiNotInTier(Box<Tier>),
    /// The user has requested as many AI analyses and edits today as the tier allows.
    #[error("max_ai_calls_per_day is {}", .tier.max_ai_calls_per_day)]
    DailyLimitReached {
        /// The user's tier.
        tier: Box<Tier>,
        /// The seconds until the next day begins.
        retry_after: u32,
    },
    /// The user creates too many things in a short time.
    #[error("the user creates too many things in a short time")]
    RateLimited {
        /// The seconds until the request may succeed.
        retry_after: u32,
    },
}

/// Checks whether a user may add this, by what the profile knows exactly. [`check_counts`] checks the rest.
///
/// # Errors
/// [`LimitError`]
pub fn check_rules(profile: &Profile, added: &Addition, now: Timestamp) -> Result<(), LimitError> {
    let Profile { limits, usage, .. } = profile;
    let tier = || Box::new(limits.clone());
    if added.ai_calls > 0 && !limits.ai {
        return Err(LimitError::AiNotInTier(tier()));
    }
    if added.largest_file > limits.max_image_bytes {
        return Err(LimitError::FileTooLarge(tier()));
    }
    check_quota(limits, Quota::Images, usage.images, added.images)?;
    let ai_calls = usage.ai_calls_on(day(now)) + added.ai_calls;
    if added.ai_calls > 0 && ai_calls > limits.max_ai_calls_per_day {
        return Err(LimitError::DailyLimitReached { tier: tier(), retry_after: seconds_until_next_day(now) });
    }
    match CreationBucket::take(usage.creation_bucket, added.tokens(), now) {
        Ok(_) => Ok(()),
        Err(retry_after) => Err(LimitError::RateLimited { retry_after }),
    }
}

/// Checks whether a user may add this to what was counted again, if that was necessary.
///
/// # Errors
/// [`LimitError::QuotaExceeded`]
pub fn check_counts(profile: &Profile, added: &Addition) -> Result<(), LimitError> {
    let Profile { limits, usage, .. } = profile;
    check_quota(limits, Quota::Sets, usage.sets.unwrap_or_default(), added.sets)?;
    check_quota(limits, Quota::Links, usage.links_at_most.unwrap_or_default(), added.links)?;
    let upload_links = usage.upload_links_at_most.unwrap_or_default();
    check_quota(limits, Quota::UploadLinks, upload_links, added.upload_links)?;
    let pending_uploads = usage.pending_uploads_at_most.unwrap_or_default();
    check_quota(limits, Quota::PendingUploads, pending_uploads, added.pending_uploads)
}

fn check_quota(tier: &Tier, quota: Quota, used: u64, added: u64) -> Result<(), LimitError> {
    // A user who exceeds one quota after a move to a smaller tier can still add other things.
    if added > 0 && used + added > quota.of(tier) {
        return Err(LimitError::QuotaExceeded(quota, Box::new(tier.clone())));
    }
    Ok(())
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The number of days in UTC since 1970.
#[must_use]
pub fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(DAY_SECONDS)
}

/// The seconds until the next day begins in UTC.
#[must_use]
pub fn seconds_until_next_day(now: Timestamp) -> u32 {
    u32::try_from(DAY_SECONDS - now.as_second().rem_euclid(DAY_SECONDS)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DefaultTier;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
    }

    #[test]
    fn a_quota_is_exact() {
        let mut profile = Profile::new(DefaultTier::Enterprise.rules());
        profile.usage.sets = Some(9_999);
        let sets = |sets| Addition { sets, ..Addition::default() };
        assert_eq!(check_counts(&profile, &sets(1)), Ok(()));
        let tier = Box::new(profile.limits.clone());
        assert_eq!(check_counts(&profile, &sets(2)), Err(LimitError::QuotaExceeded(Quota::Sets, tier)));
        profile.usage.sets = Some(10_001);
        assert_eq!(check_counts(&profile, &Addition { links: 1, ..Addition::default() }), Ok(()));
        profile.usage.upload_links_at_most = Some(UploadLink::MAX_PER_USER);
        let refused = check_counts(&profile, &Addition { upload_links: 1, ..Addition::default() });
        assert!(matches!(refused, Err(LimitError::QuotaExceeded(Quota::UploadLinks, _))));
    }

    #[test]
    fn ai_calls_count_for_one_day() {
        let mut profile = Profile::new(DefaultTier::Enterprise.rules());
        let one = Addition { ai_calls: 1, ..Addition::default() };
        (profile.usage.ai_day, profile.usage.ai_calls) = (Some(day(at(0))), 200);
        let refused = check_rules(&profile, &one, at(0)).unwrap_err();
        let LimitError::DailyLimitReached { retry_after, .. } = refused else { panic!("{refused:?}") };
        let tomorrow = at(i64::from(retry_after) * 1000);
        assert_eq!((day(tomorrow), seconds_until_next_day(tomorrow)), (day(at(0)) + 1, 86_400));
        assert_eq!(check_rules(&profile, &one, tomorrow), Ok(()));
    }
}

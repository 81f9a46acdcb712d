//! Limits for each user.

use serde::{Deserialize, Serialize};

use crate::{Image, Profile, Tier, Timestamp, UploadLink};

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

/// A user's token bucket for creations.
///
/// The bucket gains a token every [`CreationBucket::REFILL_MS`], and holds at most [`CreationBucket::CAPACITY`] tokens.
/// It is stored as one time in milliseconds since 1970, which lags behind the current time by the time in which the
/// bucket gained its tokens. To take a token, the time moves forward. So DynamoDB can take tokens with one addition and
/// check them with one comparison, without a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationBucket(pub i64);

/// How an update takes tokens from a [`CreationBucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeTokens {
    /// Add these milliseconds. This is correct while the stored time is in [`CreationBucket::bounds`].
    Add(i64),
    /// The bucket overflowed, so it has fewer tokens than its stored time says. Store this bucket instead.
    Reset(CreationBucket),
}

impl CreationBucket {
    /// The bucket gains a token in this time.
    pub const REFILL_MS: i64 = 100;
    /// The number of tokens of a full bucket.
    pub const CAPACITY: i64 = 12_000;
    /// The number of tokens of a new user, and after an overflow. It is less than the capacity: otherwise the bucket of
    /// somebody who creates something every few seconds would overflow each time, and each time cost a second
    /// transaction.
    pub const AFTER_OVERFLOW: i64 = 6_000;

    /// The bucket of a new user, after `tokens` were taken.
    #[must_use]
    pub fn new(tokens: u64, now: Timestamp) -> Self {
        Self(now.as_millisecond() - Self::AFTER_OVERFLOW * Self::REFILL_MS + milliseconds(tokens))
    }

    /// The milliseconds to add for a number of tokens, and the least and the greatest stored time for which this is
    /// allowed.
    #[must_use]
    pub fn bounds(tokens: u64, now: Timestamp) -> (i64, i64, i64) {
        let (now, cost) = (now.as_millisecond(), milliseconds(tokens));
        (cost, now - Self::CAPACITY * Self::REFILL_MS, now - cost)
    }

    /// How to take tokens from the stored bucket. `None` is the bucket of a user who has created nothing.
    ///
    /// # Errors
    /// The seconds to wait until the bucket has enough tokens.
    pub fn take(stored: Option<Self>, tokens: u64, now: Timestamp) -> Result<TakeTokens, u32> {
        let (cost, least, greatest) = Self::bounds(tokens, now);
        match stored {
            Some(Self(time)) if time > greatest => {
                let seconds = (time - greatest).unsigned_abs().div_ceil(1000);
                Err(u32::try_from(seconds).unwrap_or(u32::MAX))
            }
            Some(Self(time)) if time >= least => Ok(TakeTokens::Add(cost)),
            _ => Ok(TakeTokens::Reset(Self::new(tokens, now))),
        }
    }
}

fn milliseconds(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(CreationBucket::CAPACITY) * CreationBucket::REFILL_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DefaultTier;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millisecond).unwrap()
    }

    /// Takes one token after the other, `every` so many milliseconds, and returns how many were there.
    fn taken(mut bucket: Option<CreationBucket>, every: i64, until: i64) -> i64 {
        let mut count = 0;
        let mut millisecond = 0;
        while millisecond < until {
            bucket = match CreationBucket::take(bucket, 1, at(millisecond)) {
                Ok(TakeTokens::Add(cost)) => bucket.map(|CreationBucket(time)| CreationBucket(time + cost)),
                Ok(TakeTokens::Reset(bucket)) => Some(bucket),
                Err(_) => return count,
            };
            count += 1;
            millisecond += every;
        }
        count
    }

    #[test]
    fn a_bucket_gives_its_tokens_at_once_and_then_one_for_each_refill() {
        assert_eq!(taken(None, 0, 1), CreationBucket::AFTER_OVERFLOW);
        let full = at(0).as_millisecond() - CreationBucket::CAPACITY * CreationBucket::REFILL_MS;
        assert_eq!(taken(Some(CreationBucket(full)), 0, 1), CreationBucket::CAPACITY);
        assert_eq!(taken(Some(CreationBucket(full - 1)), 0, 1), CreationBucket::AFTER_OVERFLOW);
        let empty = CreationBucket(at(0).as_millisecond());
        assert_eq!(CreationBucket::take(Some(empty), 1, at(99)), Err(1));
        assert_eq!(CreationBucket::take(Some(empty), 1, at(100)), Ok(TakeTokens::Add(100)));
        assert_eq!(CreationBucket::take(Some(empty), 30, at(0)), Err(3));
        // Slower than the refill, it is never empty.
        assert_eq!(taken(None, 200, 4_000_000), 20_000);
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

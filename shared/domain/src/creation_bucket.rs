//! How fast a user may create things.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

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
}

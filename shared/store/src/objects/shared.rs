//! Addresses for visitors of expiring links.
//!
//! Each address opens one file and nothing else: a visitor must not see other files of the link's owner. Therefore it never
//! has a signature for a whole folder.

use aws::CallError;
use domain::{ObjectKey, StoredRendition, Timestamp};

use super::{
    addresses::Lifetime,
    files::Objects,
    target::{Bucket, File},
};

impl Objects {
    /// For how many seconds an address works at most. A link that is revoked or has expired shows nothing after this time.
    const SHARED_SECONDS: i64 = 15 * 60;
    /// The time for which a file keeps the same address, in seconds. A browser that opens a link again then shows the file
    /// from its cache. An address works for at least 10 minutes, unless the link ends earlier.
    const SHARED_ROUNDING_SECONDS: i64 = 5 * 60;

    /// The address of an original, for a link that ends `ends_at`, in seconds since 1970. The response has the given
    /// `Content-Disposition`.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn shared_original(
        &self,
        original: &ObjectKey,
        disposition: &str,
        now: Timestamp,
        ends_at: i64,
    ) -> Result<String, CallError> {
        self.shared(Bucket::Originals, &original.to_string(), disposition, shared_time(now, ends_at)).await
    }

    /// The address of a rendition, for a link that ends `ends_at`, in seconds since 1970. The response has the given
    /// `Content-Disposition`.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub async fn shared_rendition(
        &self,
        rendition: &StoredRendition,
        disposition: &str,
        now: Timestamp,
        ends_at: i64,
    ) -> Result<String, CallError> {
        self.shared(Bucket::Derived, &rendition.key, disposition, shared_time(now, ends_at)).await
    }

    async fn shared(
        &self,
        bucket: Bucket,
        key: &str,
        disposition: &str,
        (start, seconds): (Timestamp, i64),
    ) -> Result<String, CallError> {
        let file = File { bucket, key, disposition: Some(disposition), family: None };
        Ok(self.addresses.link(file, Lifetime::Exactly(start, seconds)).await?.url)
    }
}

/// The rounded time from which an address works, and for how many seconds. No address works longer than its link.
fn shared_time(now: Timestamp, ends_at: i64) -> (Timestamp, i64) {
    let second = now.as_second();
    let start = second - second.rem_euclid(Objects::SHARED_ROUNDING_SECONDS);
    (Timestamp::from_second(start).unwrap_or(now), Objects::SHARED_SECONDS.min(ends_at - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_works_for_ten_to_fifteen_minutes() {
        for second in [0, 1, 299, 300, 899] {
            let now = Timestamp::from_second(1_800_000_000 + second).unwrap();
            let (start, seconds) = shared_time(now, 4_000_000_000);
            let left = start.as_second() + seconds - now.as_second();
            assert!((601..=900).contains(&left), "{left}");
        }
    }

    #[test]
    fn no_address_works_longer_than_its_link() {
        for second in [0, 1, 299, 300, 899] {
            let now = Timestamp::from_second(1_800_000_000 + second).unwrap();
            for left in [1, 60, 600] {
                let ends_at = now.as_second() + left;
                let (start, seconds) = shared_time(now, ends_at);
                assert_eq!(start.as_second() + seconds, ends_at);
                assert_eq!(start, shared_time(now, 4_000_000_000).0);
            }
        }
    }
}

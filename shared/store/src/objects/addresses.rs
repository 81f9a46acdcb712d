//! Addresses of files: one interface with two implementations. Whoever asks for an address does not know which one made
//! it.

use aws::CallError;
use aws_sdk_s3::Client;
use aws_types::SdkConfig;
use domain::{Link, Timestamp};

use super::{
    edge::Edge,
    presign::Presigner,
    target::{Bucket, File},
};

/// Makes addresses of files in the two buckets.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one value")]
pub(super) enum Addresses {
    /// Presigned URLs of S3.
    S3 {
        /// Of the bucket of originals.
        originals: Presigner,
        /// Of the bucket of derivatives.
        derived: Presigner,
    },
    /// Signed URLs of the CloudFront distribution in front of both buckets.
    Edge(Edge),
}

/// How long an address works.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lifetime {
    /// As long as the address of a picture in a list, seen from this time. The same picture keeps its address for a while,
    /// so that caches work.
    Picture(Timestamp),
    /// As long as the address of an original for its owner, seen from this time.
    Original(Timestamp),
    /// From a time on, for so many seconds.
    Exactly(Timestamp, i64),
}

/// For how long an address stays the same, and how long it works from the beginning of this period, in seconds.
struct Period {
    same: i64,
    works: i64,
}

/// At least 45 minutes remain of an address of S3. It ends earlier if the function's credentials expire.
const BRIEF: Period = Period { same: 15 * 60, works: 60 * 60 };
/// At least two hours remain of a picture's address at the edge. A browser that shows the picture again within four hours
/// finds it in its cache. With a longer lifetime, an address that somebody copied would also work for longer.
const LONG: Period = Period { same: 4 * 60 * 60, works: 6 * 60 * 60 };

impl Addresses {
    /// Presigned URLs of the buckets `uploads` and `derived`.
    pub(super) fn s3(config: &SdkConfig, s3: &Client, uploads: String, derived: String) -> Self {
        Self::S3 {
            originals: Presigner::new(config, s3.clone(), uploads),
            derived: Presigner::new(config, s3.clone(), derived),
        }
    }

    /// Reads what the first address needs. Later it makes no call, and for addresses of S3 it never makes one.
    ///
    /// # Errors
    /// [`CallError`]
    pub(super) async fn prepare(&self) -> Result<(), CallError> {
        match self {
            Self::S3 { .. } => Ok(()),
            Self::Edge(edge) => edge.prepare().await,
        }
    }

    /// The address of a file.
    ///
    /// # Errors
    /// [`CallError`] if signing fails.
    pub(super) async fn link(&self, file: File<'_>, lifetime: Lifetime) -> Result<Link, CallError> {
        let (start, seconds) = self.validity(lifetime);
        let expires_at = after(start, seconds);
        let url = match self {
            Self::S3 { originals, derived } => {
                let presigner = match file.bucket {
                    Bucket::Originals => originals,
                    Bucket::Derived => derived,
                };
                presigner.url(file.key, file.disposition, start, seconds).await?
            }
            Self::Edge(edge) => edge.url(file, expires_at).await?,
        };
        Ok(Link { url, expires_at })
    }

    fn validity(&self, lifetime: Lifetime) -> (Timestamp, i64) {
        let (now, period) = match (lifetime, self) {
            (Lifetime::Exactly(start, seconds), _) => return (start, seconds),
            (Lifetime::Picture(now), Self::Edge(_)) => (now, LONG),
            (Lifetime::Picture(now) | Lifetime::Original(now), _) => (now, BRIEF),
        };
        let second = now.as_second();
        let start = Timestamp::from_second(second - second.rem_euclid(period.same)).unwrap_or(now);
        (start, period.works)
    }
}

/// The time so many seconds after another one.
pub(super) fn after(start: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(start.as_second() + seconds).unwrap_or(Timestamp::MAX)
}

//! Identifiers of images, image sets, jobs, downloads, audit entries, webhooks, deliveries and users.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::{Month, Timestamp};

/// The text is not a ULID in its canonical form: 26 upper-case characters of Crockford's base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is a ULID of 26 upper-case characters")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// A new id. It is greater than all ids from earlier milliseconds.
            #[must_use]
            pub fn generate() -> Self {
                Self(Ulid::generate())
            }

            /// Assigns the id to one of `count` shards. Ids spread evenly, and the same id always has the same shard.
            ///
            /// The last 80 bits of a ULID are random (ULID specification, "Randomness").
            #[must_use]
            pub fn shard(self, count: u8) -> u8 {
                let random = self.0.random() % u128::from(count.max(1));
                u8::try_from(random).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts only the canonical spelling, so that each resource has one URL and one key.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let id = Self(Ulid::from_string(text).map_err(|_| InvalidId)?);
                (id.to_string() == text).then_some(id).ok_or(InvalidId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl $name {
            /// A new id of something that was created at `time`. It sorts among the ids of that time.
            #[must_use]
            pub fn generate_at(time: Timestamp) -> Self {
                let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
                Self(Ulid::from_parts(milliseconds, Ulid::generate().random()))
            }

            /// When the id was generated.
            #[must_use]
            pub fn time(self) -> Timestamp {
                let milliseconds = i64::try_from(self.0.timestamp_ms()).unwrap_or_default();
                Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    };
}

id! {
    /// The id of an image: a ULID, so that ids sort by the time of creation.
    ImageId
}
id! {
    /// The id of an image set: a ULID.
    SetId
}
id! {
    /// The id of a job: a ULID.
    JobId
}
id! {
    /// The id of an entry of the audit trail: a ULID.
    AuditId
}
id! {
    /// The id of an API key: a ULID.
    ApiKeyId
}
id! {
    /// The id of a webhook: a ULID.
    WebhookId
}
id! {
    /// The id of a delivery to a webhook: a ULID.
    DeliveryId
}

impl DeliveryId {
    /// The id of the job that makes the first attempts of the delivery. It is derived, so the job is added once.
    #[must_use]
    pub const fn first_job(self) -> JobId {
        JobId(self.0)
    }

    /// The id of something that happened at `time`. Equal `bits` make equal ids, so a repeated event finds the delivery
    /// that exists already. Only the lower 80 bits count.
    #[must_use]
    pub fn derived(time: Timestamp, bits: u128) -> Self {
        let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
        Self(Ulid::from_parts(milliseconds, bits))
    }
}

id! {
    /// The id of a download: a ULID.
    DownloadId
}

impl ImageId {
    /// The least id that an image can have if it was created at `time` or later.
    #[must_use]
    pub fn first_at(time: Timestamp) -> Self {
        let milliseconds = u64::try_from(time.as_millisecond()).unwrap_or_default();
        Self(Ulid::from_parts(milliseconds, 0))
    }

    /// A number below a million that distinguishes images of the same millisecond.
    pub(crate) fn six_random_digits(self) -> u32 {
        u32::try_from(self.0.random() % 1_000_000).unwrap_or_default()
    }
}

impl AuditId {
    /// The least id that an entry of this month can have.
    #[must_use]
    pub fn first_in(month: Month) -> Self {
        let milliseconds = u64::try_from(month.begin().as_millisecond()).unwrap_or_default();
        Self(Ulid::from_parts(milliseconds, 0))
    }
}

/// The id of a user: the `sub` from Cognito, which never changes and is never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// The `sub` as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a `sub`: it is empty, too long, or contains characters that are not safe in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user id is 1 to 64 letters, digits and hyphens")]
pub struct InvalidUserId;

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        fits.then(|| Self(text.to_owned())).ok_or(InvalidUserId)
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_has_one_spelling() {
        let id = ImageId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [id.to_string().to_lowercase(), String::new(), "../../etc".to_owned()] {
            assert_eq!(other.parse::<ImageId>(), Err(InvalidId), "{other}");
        }
    }

    #[test]
    fn ids_of_an_instant_lie_between_its_bounds() {
        let before = crate::now();
        let id = ImageId::generate();
        assert!(ImageId::first_at(before) <= id);
        let later = Timestamp::from_millisecond(crate::now().as_millisecond() + 1).unwrap();
        assert!(id < ImageId::first_at(later));
    }

    #[test]
    fn an_id_of_an_earlier_time_lies_between_the_bounds_of_that_time() {
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        let (one, two) =
            (ImageId::generate_at(at(1_556_712_000_123)), ImageId::generate_at(at(1_556_712_000_123)));
        assert_ne!(one, two);
        assert!(
            ImageId::first_at(at(1_556_712_000_123)) <= one && one < ImageId::first_at(at(1_556_712_000_124))
        );
    }

    #[test]
    fn images_spread_over_all_shards() {
        let shards: std::collections::BTreeSet<u8> =
            (0..1000).map(|_| ImageId::generate().shard(8)).collect();
        assert_eq!(shards, (0..8).collect());
    }

    #[test]
    fn a_user_id_cannot_reach_into_another_key() {
        assert!("5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11".parse::<UserId>().is_ok());
        for text in ["", "a/b", "..", "a#b", &"x".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidUserId), "{text}");
        }
    }
}

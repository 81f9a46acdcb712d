//! Identifiers of images and users.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// Names an image: a ULID, so that ids sort by the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(Ulid);

impl ImageId {
    /// A new id, later than those made in earlier milliseconds.
    #[must_use]
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a ULID in its canonical form: 26 upper-case characters of Crockford's base 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an image id is a ULID of 26 upper-case characters")]
pub struct InvalidImageId;

impl FromStr for ImageId {
    type Err = InvalidImageId;

    /// Accepts the canonical spelling alone, so that one image has one address and one key.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = Self(Ulid::from_string(text).map_err(|_| InvalidImageId)?);
        (id.to_string() == text).then_some(id).ok_or(InvalidImageId)
    }
}

impl TryFrom<String> for ImageId {
    type Error = InvalidImageId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> Self {
        id.to_string()
    }
}

/// Names a user: the `sub` that Cognito gave, which never changes and is never given again.
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

/// The text cannot be a `sub`: it is empty, too long, or holds what would not be safe in a key.
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
            assert_eq!(other.parse::<ImageId>(), Err(InvalidImageId), "{other}");
        }
    }

    #[test]
    fn a_user_id_cannot_reach_into_another_key() {
        assert!("5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11".parse::<UserId>().is_ok());
        for text in ["", "a/b", "..", "a#b", &"x".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidUserId), "{text}");
        }
    }
}

//! Upload links: addresses at which guests, who have no account, send pictures to a user.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ImageId, PhoneNumber, Timestamp, UserId, secret::Secret};

/// The id of an upload link: 128 random bits in the 26 characters of a ULID, a hyphen, and the id of the link's owner.
///
/// The random bits are a secret: whoever knows them can send pictures. The owner's id is not secret. It leads to the
/// owner's items, so that no request has to look up the owner first.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadLinkId {
    secret: Secret,
    user: UserId,
}

impl UploadLinkId {
    /// A new id.
    #[must_use]
    pub fn generate(user: UserId) -> Self {
        Self { secret: Secret::generate(), user }
    }

    /// The owner of the link.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// The secret as text.
    #[must_use]
    pub fn secret(&self) -> String {
        self.secret.to_string()
    }
}

impl fmt::Display for UploadLinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.secret, self.user)
    }
}

/// The secret must not get into a log.
impl fmt::Debug for UploadLinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadLinkId(…-{})", self.user)
    }
}

/// The text is not the id of an upload link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of an upload link is a ULID, a hyphen and a user id")]
pub struct InvalidUploadLinkId;

impl FromStr for UploadLinkId {
    type Err = InvalidUploadLinkId;

    /// Accepts only the canonical spelling, so that each link has one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (secret, rest) = text.split_at_checked(Secret::LENGTH).ok_or(InvalidUploadLinkId)?;
        let user = rest.strip_prefix('-').and_then(|user| user.parse().ok()).ok_or(InvalidUploadLinkId)?;
        Ok(Self { secret: secret.parse().map_err(|()| InvalidUploadLinkId)?, user })
    }
}

impl TryFrom<String> for UploadLinkId {
    type Error = InvalidUploadLinkId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UploadLinkId> for String {
    fn from(id: UploadLinkId) -> Self {
        id.to_string()
    }
}

/// The record of an upload link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadLink {
    /// The link's id. The attribute has another name than the ids of images, because the table's indexes contain each item
    /// with an attribute `id`.
    #[serde(rename = "link_id")]
    pub id: UploadLinkId,
    /// The phone number for which guests send pictures, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<PhoneNumber>,
    /// How many images guests may create in all.
    pub max_images: u32,
    /// How many images guests may still create. An image that is deleted or fails does not give its place back.
    pub remaining: u32,
    /// The largest file, in bytes. The owner's tier may allow less, if it was changed later.
    pub max_image_bytes: u64,
    /// When the link was created.
    pub created_at: Timestamp,
    /// When the link stops working, in seconds since 1970. This is the table's TTL attribute.
    pub expires_at: i64,
    /// The images that guests created, oldest first. Their owner may have deleted some.
    pub images: Vec<ImageId>,
}

impl UploadLink {
    /// How many links of a user may work at the same time.
    pub const MAX_PER_USER: u64 = 100;

    /// The link, unless it has expired. DynamoDB deletes expired records later, so each read has to check.
    #[must_use]
    pub fn unless_expired(self, now: Timestamp) -> Option<Self> {
        (self.expires_at > now.as_second()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        "5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11".parse().unwrap()
    }

    #[test]
    fn an_id_reads_back_and_names_its_owner() {
        let id = UploadLinkId::generate(user());
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        assert_eq!((id.user(), id.secret().len()), (&user(), 26));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = UploadLinkId::generate(user()).to_string();
        for other in [
            String::new(),
            id[..26].to_owned(),
            id[..27].to_owned(),
            id.replacen('-', "", 1),
            id.to_lowercase(),
            format!("8{}", &id[1..]),
            format!("{}/../x", &id[..27]),
            format!("é{}", &id[1..]),
            format!(" {id}"),
        ] {
            assert_eq!(other.parse::<UploadLinkId>(), Err(InvalidUploadLinkId), "{other}");
        }
    }

    #[test]
    fn a_log_shows_no_secret() {
        let id = UploadLinkId::generate(user());
        assert!(!format!("{id:?}").contains(&id.secret()));
    }
}

//! Expiring links: addresses at which anybody can see a picture, until the link expires or its owner revokes it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ImageId, Rendition, RenditionOptions, Timestamp, UserId, secret::Secret};

/// The id of an expiring link: 128 random bits in the 26 characters of a ULID, the id of the image, and the id of the
/// link's owner, with hyphens between them.
///
/// The random bits are a secret: whoever knows them can see the picture. The other two ids are not secret. They lead to
/// the item of the link and to the image, so that a visitor's request can read both at the same time. The addresses of
/// files, which a visitor receives, contain them too.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkId {
    secret: Secret,
    image: ImageId,
    user: UserId,
}

impl LinkId {
    /// A new id.
    #[must_use]
    pub fn generate(image: ImageId, user: UserId) -> Self {
        Self { secret: Secret::generate(), image, user }
    }

    /// The image that the link shows.
    #[must_use]
    pub fn image(&self) -> ImageId {
        self.image
    }

    /// The owner of the link and of the image.
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

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.secret, self.image, self.user)
    }
}

/// The secret must not get into a log.
impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkId(…-{}-{})", self.image, self.user)
    }
}

/// The text is not the id of an expiring link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of an expiring link is two ULIDs and a user id, with hyphens between them")]
pub struct InvalidLinkId;

impl FromStr for LinkId {
    type Err = InvalidLinkId;

    /// Accepts only the canonical spelling, so that each link has one address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let (Some(secret), Some(image), Some(user)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidLinkId);
        };
        Ok(Self {
            secret: secret.parse().map_err(|()| InvalidLinkId)?,
            image: image.parse().map_err(|_| InvalidLinkId)?,
            user: user.parse().map_err(|_| InvalidLinkId)?,
        })
    }
}

impl TryFrom<String> for LinkId {
    type Error = InvalidLinkId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LinkId> for String {
    fn from(id: LinkId) -> Self {
        id.to_string()
    }
}

/// The record of an expiring link.
///
/// Releases before renditions stored links under keys of another form, with nothing but `image` and `expires_at`. Those
/// links are presigned URLs. Their records only count toward `max_links`, and nothing reads them as this type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiringLink {
    /// The link's id. The attribute has another name than the ids of images, because the table's indexes contain each item
    /// with an attribute `id`.
    #[serde(rename = "link_id")]
    pub id: LinkId,
    /// The rendition that the link shows. `None` if it shows the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<RenditionOptions>,
    /// Whether the original leaves without its metadata. A rendition never has any.
    pub strip_metadata: bool,
    /// Whether browsers store the file instead of showing it.
    pub download: bool,
    /// How often the link was opened.
    #[serde(default)]
    pub views: u64,
    /// When the link was created.
    pub created_at: Timestamp,
    /// When the link stops working, in seconds since 1970. This is the table's TTL attribute.
    pub expires_at: i64,
}

impl ExpiringLink {
    /// What Darkroom has to make from the original for this link. `None` if the link shows the original as it is.
    #[must_use]
    pub fn shown_rendition(&self) -> Option<Rendition> {
        match self.rendition {
            Some(options) => Some(Rendition::Picture(options)),
            None => self.strip_metadata.then_some(Rendition::StrippedOriginal),
        }
    }

    /// The link, unless it has expired. DynamoDB deletes expired records later, so each read has to check.
    #[must_use]
    pub fn unless_expired(self, now: Timestamp) -> Option<Self> {
        (self.expires_at > now.as_second()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> LinkId {
        let user = "5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11".parse().unwrap();
        LinkId::generate(ImageId::generate(), user)
    }

    #[test]
    fn an_id_reads_back_and_leads_to_its_image_and_owner() {
        let id = id();
        assert_eq!(id.to_string().parse(), Ok(id.clone()));
        let (secret, image, user) = (id.secret(), id.image(), id.user());
        assert_eq!(id.to_string(), format!("{secret}-{image}-{user}"));
        assert_eq!(secret.len(), 26);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = id().to_string();
        for other in [
            String::new(),
            id[..26].to_owned(),
            id[..53].to_owned(),
            id[..54].to_owned(),
            id.replacen('-', "", 1),
            id.to_lowercase(),
            format!("8{}", &id[1..]),
            format!("{}8{}", &id[..27], &id[28..]),
            format!("{}/../x", &id[..54]),
            format!("é{}", &id[1..]),
            format!(" {id}"),
            format!("{id} "),
        ] {
            assert_eq!(other.parse::<LinkId>(), Err(InvalidLinkId), "{other}");
        }
    }

    #[test]
    fn a_log_shows_no_secret() {
        let id = id();
        assert!(!format!("{id:?}").contains(&id.secret()));
    }
}

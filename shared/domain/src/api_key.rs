//! API keys: credentials of programs, which act for a user without the user's password.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ApiKeyId, InvalidField, Timestamp, UserId, secret::Secret};

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a key may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Scope {
            /// All scopes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in records, requests and responses.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

scopes! {
    /// Read images and image sets, with their pictures and links.
    ImagesRead = "images:read",
    /// Create, change and delete images, image sets and links.
    ImagesWrite = "images:write",
    /// List images for phone numbers.
    PhonesRead = "phones:read",
    /// Create images for phone numbers.
    PhonesWrite = "phones:write",
    /// List upload links.
    UploadLinksRead = "upload-links:read",
    /// Create and revoke upload links.
    UploadLinksWrite = "upload-links:write",
    /// Read webhooks and their deliveries.
    WebhooksRead = "webhooks:read",
    /// Create, change, test and delete webhooks.
    WebhooksWrite = "webhooks:write",
}

impl Scope {
    /// The scope that a route needs. `None` if no key may use the route. `route` is the gateway's name of the route,
    /// such as `GET /api/images/{id}`.
    #[must_use]
    pub fn of_route(route: &str) -> Option<Self> {
        let (method, path) = route.split_once(' ')?;
        let group = path.strip_prefix("/api/")?.split('/').next()?;
        Some(match (group, method == "GET") {
            ("images" | "imagesets", true) => Self::ImagesRead,
            ("images" | "imagesets", false) => Self::ImagesWrite,
            ("phones", true) => Self::PhonesRead,
            ("phones", false) => Self::PhonesWrite,
            ("upload-links", true) => Self::UploadLinksRead,
            ("upload-links", false) => Self::UploadLinksWrite,
            ("webhooks", true) => Self::WebhooksRead,
            ("webhooks", false) => Self::WebhooksWrite,
            _ => return None,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of a key, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl TryFrom<Vec<Scope>> for Scopes {
    type Error = InvalidField;

    fn try_from(mut scopes: Vec<Scope>) -> Result<Self, InvalidField> {
        if scopes.is_empty() {
            return Err("must name at least one scope".into());
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self(scopes))
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.0
    }
}

/// A key as its owner sees it once: `dk_`, the key's id, a hyphen, the owner's id, `_`, and 128 random bits in 26
/// characters.
///
/// The owner's id is not secret. It leads to the key's item, so that a request needs one read.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText {
    /// The key's id.
    pub id: ApiKeyId,
    /// The owner.
    pub user: UserId,
    secret: Secret,
}

impl ApiKeyText {
    /// What each key begins with. Access tokens do not begin with it.
    pub const PREFIX: &'static str = "dk_";

    /// A new key of a user.
    #[must_use]
    pub fn generate(user: UserId) -> Self {
        Self { id: ApiKeyId::generate(), user, secret: Secret::generate() }
    }

    /// The key as text, for its owner.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}{}-{}_{}", Self::PREFIX, self.id, self.user, self.secret)
    }

    /// The SHA-256 digest of the key in hexadecimal digits. The key has so many random bits that nobody can guess it
    /// from the digest.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{:x}", Sha256::digest(self.reveal()))
    }
}

/// The secret must not get into a log.
impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyText({}-{}_…)", self.id, self.user)
    }
}

/// The text is not an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an API key is dk_, an id and a secret")]
pub struct InvalidApiKey;

impl FromStr for ApiKeyText {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(InvalidApiKey)?;
        let (ids, secret) = rest.rsplit_once('_').ok_or(InvalidApiKey)?;
        let (id, user) = ids.split_once('-').ok_or(InvalidApiKey)?;
        Ok(Self {
            id: id.parse().map_err(|_| InvalidApiKey)?,
            user: user.parse().map_err(|_| InvalidApiKey)?,
            secret: secret.parse().map_err(|()| InvalidApiKey)?,
        })
    }
}

/// The record of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The key's id. The attribute has another name than the ids of images, because the table's indexes contain each
    /// item with an attribute `id`.
    #[serde(rename = "key_id")]
    pub id: ApiKeyId,
    /// The owner's name for the key.
    pub name: KeyName,
    /// What the key may do.
    pub scopes: Scopes,
    /// The digest of the key.
    pub digest: String,
    /// The name with which the owner logs in.
    pub username: String,
    /// When the key was created.
    pub created_at: Timestamp,
    /// When the key stops working, in seconds since 1970, if it does. This is the table's TTL attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When the key was used, to [`ApiKey::USE_SECONDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// How many keys a user can have.
    pub const MAX_PER_USER: u64 = 20;

    /// How old `last_used_at` may become before a use is stored, in seconds.
    pub const USE_SECONDS: i64 = 60 * 60;

    /// The key, unless it has expired. DynamoDB deletes expired records later, so each read has to check.
    #[must_use]
    pub fn unless_expired(self, now: Timestamp) -> Option<Self> {
        let has_expired = self.expires_at.is_some_and(|at| at <= now.as_second());
        (!has_expired).then_some(self)
    }

    /// Whether this is the record of a key. The comparison takes the same time for each wrong digest.
    #[must_use]
    pub fn belongs_to(&self, key: &ApiKeyText) -> bool {
        let (stored, given) = (self.digest.as_bytes(), key.digest());
        let differences =
            stored.iter().zip(given.as_bytes()).fold(0, |all, (one, other)| all | (one ^ other));
        stored.len() == given.len() && differences == 0
    }
}

/// A user's name for a key: 1 to 100 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

impl TryFrom<String> for KeyName {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        if !(1..=100).contains(&text.chars().count()) {
            return Err("must have 1 to 100 characters".into());
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain control characters".into());
        }
        Ok(Self(text))
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKeyText {
        ApiKeyText::generate("5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11".parse().unwrap())
    }

    #[test]
    fn a_key_reads_back_and_has_one_spelling() {
        let key = key();
        let text = key.reveal();
        assert_eq!(text.parse(), Ok(key.clone()));
        for other in [
            String::new(),
            text[3..].to_owned(),
            text.to_lowercase(),
            text[..text.len() - 1].to_owned(),
            format!("{text} "),
            text.replace('_', "-"),
            "dk_".to_owned(),
            "dk__".to_owned(),
            "dk_é-é_é".to_owned(),
        ] {
            assert_eq!(other.parse::<ApiKeyText>(), Err(InvalidApiKey), "{other}");
        }
    }

    #[test]
    fn a_record_has_only_a_digest_and_belongs_to_one_key() {
        let (one, other) = (key(), key());
        let record = ApiKey {
            id: one.id,
            name: "shop".to_owned().try_into().unwrap(),
            scopes: vec![Scope::ImagesRead].try_into().unwrap(),
            digest: one.digest(),
            username: "ann".to_owned(),
            created_at: crate::now(),
            expires_at: Some(100),
            last_used_at: None,
        };
        assert!(record.belongs_to(&one) && !record.belongs_to(&other));
        assert!(!ApiKey { digest: String::new(), ..record.clone() }.belongs_to(&one));
        let stored = serde_json::to_string(&record).unwrap();
        let text = one.reveal();
        let secret = text.rsplit_once('_').unwrap().1;
        assert!(!stored.contains(secret) && !format!("{one:?}").contains(secret));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(record.clone().unless_expired(at(99)).is_some());
        assert!(record.unless_expired(at(100)).is_none());
    }

    /// The routes of template.yaml, each with its path, method and whether it accepts keys.
    fn routes() -> Vec<(&'static str, &'static str, bool)> {
        let template = include_str!("../../../template.yaml");
        let lines = template.lines().filter(|line| line.contains("Type: HttpApi"));
        let mut routes: Vec<_> = lines
            .filter_map(|line| {
                let method = line.split_once("Method: ")?.1.split_once(',')?.0;
                let path = line.split_once("Path: ")?.1;
                // A path without quotation marks has no braces.
                let path = match path.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next()?,
                    None => path.split([',', '}']).next()?,
                };
                Some((path, method, line.contains("Auth: *token-or-key")))
            })
            .collect();
        routes.sort_unstable();
        routes
    }

    #[test]
    fn the_document_lists_the_scope_of_every_route_that_accepts_keys() {
        let mut table = "| operation | scope |\n| --- | --- |\n".to_owned();
        for (path, method, accepts_keys) in routes() {
            let route = format!("{method} {path}");
            if accepts_keys {
                let scope = Scope::of_route(&route).unwrap();
                table += &format!("| `{route}` | `{scope}` |\n");
            } else {
                let is_of_guests = path.starts_with("/api/upload-links/{id}/");
                assert!(Scope::of_route(&route).is_none() || is_of_guests, "{route} accepts no keys");
            }
        }
        let page = include_str!("../../../docs/KEYS.md");
        let listed = page.split_once("<!-- scopes: begin -->\n\n").unwrap().1;
        let listed = listed.split_once("\n<!-- scopes: end -->").unwrap().0;
        assert_eq!(listed, table, "docs/KEYS.md has to contain:\n{table}");
    }

    #[test]
    fn accounts_keys_and_the_administration_need_what_no_key_has() {
        for route in [
            "GET /api/auth/profile",
            "GET /api/keys",
            "POST /api/keys",
            "GET /api/admin/images",
            "GET /api/docs",
            "GET /l/{link_id}",
            "$default",
            "",
        ] {
            assert_eq!(Scope::of_route(route), None, "{route}");
        }
        assert_eq!(Scope::of_route("GET /api/images/{id}/thumbnail"), Some(Scope::ImagesRead));
        assert_eq!(Scope::of_route("DELETE /api/imagesets/{id}"), Some(Scope::ImagesWrite));
        assert_eq!(Scope::of_route("POST /api/phones/{phone_number}/images"), Some(Scope::PhonesWrite));
    }
}

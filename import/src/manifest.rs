//! The lines of a manifest.

mod fields;
#[cfg(test)]
mod tests;

use auth::{Email, Username};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{ContentType, Description, FileName, Slot, TierId, TierName, Title};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::ImportKey;

pub(crate) use fields::{FilePath, Limit, LineId, Past, PersonName, TrashDays};
use fields::{new_username, not_blank};

/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 65_536;

/// The types of lines, in the order in which they are imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Tier,
    User,
    Set,
    Image,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Tier, Self::User, Self::Set, Self::Image];

    /// The value of `type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tier => "tier",
            Self::User => "user",
            Self::Set => "set",
            Self::Image => "image",
        }
    }
}

/// A line.
#[derive(Debug)]
pub(crate) enum Line {
    Tier(TierLine),
    User(UserLine),
    Set(SetLine),
    Image(Box<ImageLine>),
}

/// A tier.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierLine {
    pub(crate) id: TierId,
    pub(crate) name: TierName,
    pub(crate) thumbnail_sizes: domain::ThumbnailSizes,
    pub(crate) original_link: bool,
    pub(crate) expiring_links: bool,
    #[serde(default)]
    pub(crate) renditions: bool,
    #[serde(default)]
    pub(crate) ai: bool,
    pub(crate) max_image_bytes: Option<Limit>,
    pub(crate) max_images: Option<Limit>,
    pub(crate) max_sets: Option<Limit>,
    pub(crate) max_links: Option<Limit>,
    pub(crate) max_pending_uploads: Option<Limit>,
    pub(crate) max_ai_calls_per_day: Option<Limit>,
    pub(crate) trash_days: Option<TrashDays>,
}

/// A user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserLine {
    #[serde(deserialize_with = "new_username")]
    pub(crate) username: Username,
    pub(crate) email: Email,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) first_name: Option<PersonName>,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) last_name: Option<PersonName>,
    pub(crate) tier: Option<TierId>,
    #[serde(default)]
    pub(crate) admin: bool,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
}

fn yes() -> bool {
    true
}

/// An image set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetLine {
    pub(crate) id: LineId,
    pub(crate) user: Username,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) title: Option<Title>,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) description: Option<Description>,
    pub(crate) created_at: Past,
    pub(crate) updated_at: Option<Past>,
}

/// An image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageLine {
    pub(crate) id: LineId,
    pub(crate) user: Username,
    pub(crate) file: FilePath,
    pub(crate) file_name: Option<FileName>,
    pub(crate) content_type: Option<ContentType>,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) title: Option<Title>,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) description: Option<Description>,
    pub(crate) created_at: Past,
    #[serde(default, deserialize_with = "not_blank")]
    pub(crate) phone_number: Option<String>,
    pub(crate) set: Option<SlotOfSet>,
}

/// The slot of an image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlotOfSet {
    /// The id of the set's line.
    pub(crate) id: LineId,
    pub(crate) image_type: Slot,
}

/// Parses a line.
///
/// # Errors
/// What is wrong with it, for the person who wrote it.
pub(crate) fn parse(line: &str) -> Result<Line, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("the line has more than {MAX_LINE_BYTES} bytes"));
    }
    let value: Value = serde_json::from_str(line).map_err(|error| format!("no valid JSON: {error}"))?;
    let Value::Object(mut fields) = value else { return Err("must be a JSON object".to_owned()) };
    let kind = fields.remove("type");
    let kind = kind
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|name| Kind::ALL.into_iter().find(|kind| kind.as_str() == name));
    let fields = Value::Object(fields);
    match kind.ok_or("type: must be \"tier\", \"user\", \"set\" or \"image\"")? {
        Kind::Tier => read(fields).map(Line::Tier),
        Kind::User => read(fields).map(Line::User),
        Kind::Set => read(fields).map(Line::Set),
        Kind::Image => read(fields).map(Box::new).map(Line::Image),
    }
}

fn read<T: DeserializeOwned>(fields: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(fields).map_err(|error| match error.path().to_string().as_str() {
        // The whole line, for example if a field is missing.
        "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })
}

impl Line {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Tier(_) => Kind::Tier,
            Self::User(_) => Kind::User,
            Self::Set(_) => Kind::Set,
            Self::Image(_) => Kind::Image,
        }
    }

    /// The id or the user name.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Tier(tier) => tier.id.to_string(),
            Self::User(user) => fold(&user.username),
            Self::Set(set) => set.id.as_str().to_owned(),
            Self::Image(image) => image.id.as_str().to_owned(),
        }
    }

    /// What only one line of the type may contain, each with its name in the report.
    pub(crate) fn unique(&self) -> Vec<(&'static str, String)> {
        let mut unique = vec![("id", self.id())];
        match self {
            Self::User(user) => unique.push(("e-mail address", user.email.as_str().to_lowercase())),
            Self::Image(image) => unique.extend(
                image
                    .set
                    .as_ref()
                    .map(|slot| ("slot", format!("{} {}", slot.image_type.as_str(), slot.id.as_str()))),
            ),
            Self::Tier(_) | Self::Set(_) => {}
        }
        unique
    }
}

/// The user name without the difference between upper and lower case, which the user pool ignores.
pub(crate) fn fold(username: &Username) -> String {
    username.as_str().to_lowercase()
}

impl SetLine {
    pub(crate) fn key(&self) -> ImportKey {
        let title = self.title.as_ref().map(Title::as_str).unwrap_or_default();
        key(Kind::Set, &self.id, &[title, &self.created_at.0.to_string()])
    }
}

impl ImageLine {
    pub(crate) fn key(&self) -> ImportKey {
        key(Kind::Image, &self.id, &[self.file.as_str(), &self.created_at.0.to_string()])
    }
}

fn key(kind: Kind, id: &LineId, says: &[&str]) -> ImportKey {
    ImportKey { key: digest(&[kind.as_str(), id.as_str()]), request: digest(says) }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists have the same digest.
        hash.update(u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        hash.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
}

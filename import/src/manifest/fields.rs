//! The fields of the lines.

use auth::Username;
use domain::{InvalidField, Tier, Timestamp};
use serde::{Deserialize, Deserializer};

/// A limit of a tier: 0 to a billion, as the API accepts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Limit(pub(crate) u64);

impl TryFrom<u64> for Limit {
    type Error = InvalidField;

    fn try_from(number: u64) -> Result<Self, InvalidField> {
        const MAX: u64 = 1_000_000_000;
        if number <= MAX { Ok(Self(number)) } else { Err("must be at most 1,000,000,000".into()) }
    }
}

/// The days of a tier's trash, as the API accepts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct TrashDays(pub(crate) u64);

impl TryFrom<u64> for TrashDays {
    type Error = InvalidField;

    fn try_from(days: u64) -> Result<Self, InvalidField> {
        if days <= Tier::MAX_TRASH_DAYS { Ok(Self(days)) } else { Err("must be at most 365".into()) }
    }
}

/// The user name of a new user.
///
/// It contains no at sign, because Cognito refuses names that look like an address where the address is an alias (Amazon
/// Cognito Developer Guide, "Customizing sign-in attributes").
pub(super) fn new_username<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Username, D::Error> {
    let username = Username::deserialize(deserializer)?;
    if username.as_str().contains('@') {
        return Err(serde::de::Error::custom(
            "must not contain @. Users can log in with their e-mail address too",
        ));
    }
    Ok(username)
}

/// A first or last name: 1 to 100 characters on one line, as the API accepts.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PersonName(String);

impl PersonName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let fits = (1..=100).contains(&text.chars().count())
            && !text.trim().is_empty()
            && !text.chars().any(char::is_control);
        fits.then_some(Self(text)).ok_or_else(|| "must have 1 to 100 characters on one line".into())
    }
}

/// The id of a set or an image in the manifest: 1 to 200 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LineId(String);

impl LineId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LineId {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then_some(Self(text)).ok_or_else(|| "must have 1 to 200 characters on one line".into())
    }
}

/// A time since 1970 that is not in the future. Fractions of a millisecond are cut off, as in all times of Darkroom.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Timestamp")]
pub(crate) struct Past(pub(crate) Timestamp);

impl TryFrom<Timestamp> for Past {
    type Error = InvalidField;

    fn try_from(time: Timestamp) -> Result<Self, InvalidField> {
        if time < Timestamp::UNIX_EPOCH || time > domain::now() {
            return Err("must be a time between 1970 and now".into());
        }
        Timestamp::from_millisecond(time.as_millisecond())
            .map(Self)
            .map_err(|_| "must be a time between 1970 and now".into())
    }
}

/// The path of a file below the import's directory or prefix. It cannot lead out of there.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct FilePath(String);

impl FilePath {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub(crate) fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The media type that the extension stands for.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        let (_, extension) = self.name().rsplit_once('.')?;
        Some(match extension.to_lowercase().as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => "image/jpeg",
            "png" => "image/png",
            "webp" => "image/webp",
            "gif" => "image/gif",
            "avif" => "image/avif",
            "heic" => "image/heic",
            "heif" => "image/heif",
            "tif" | "tiff" => "image/tiff",
            "bmp" => "image/bmp",
            "jxl" => "image/jxl",
            _ => return None,
        })
    }
}

impl TryFrom<String> for FilePath {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
        let fits = text.len() <= 1024 && text.split('/').all(is_part);
        fits.then_some(Self(text)).ok_or_else(|| {
            "must be a relative path such as photos/1.jpg, at most 1,024 bytes, without .. and backslashes".into()
        })
    }
}

/// Reads an empty text as none, because applications export fields without a value so.
pub(super) fn not_blank<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<String>,
    T::Error: std::fmt::Display,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(T::try_from).transpose().map_err(serde::de::Error::custom)
}

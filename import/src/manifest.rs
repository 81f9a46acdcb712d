//! The lines of a manifest.

use auth::{Email, Username};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{ContentType, Description, FileName, InvalidField, Slot, TierId, TierName, Timestamp, Title};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::ImportKey;

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
    pub(crate) ai: bool,
    pub(crate) max_image_bytes: Option<Limit>,
    pub(crate) max_images: Option<Limit>,
    pub(crate) max_sets: Option<Limit>,
    pub(crate) max_links: Option<Limit>,
    pub(crate) max_pending_uploads: Option<Limit>,
    pub(crate) max_ai_calls_per_day: Option<Limit>,
}

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

/// The user name of a new user.
///
/// It contains no at sign, because Cognito refuses names that look like an address where the address is an alias (Amazon
/// Cognito Developer Guide, "Customizing sign-in attributes").
fn new_username<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Username, D::Error> {
    let username = Username::deserialize(deserializer)?;
    if username.as_str().contains('@') {
        return Err(serde::de::Error::custom(
            "must not contain @. Users can log in with their e-mail address too",
        ));
    }
    Ok(username)
}

fn yes() -> bool {
    true
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

/// A time since 1970 that is not in the future. Fractions of a millisecond are cut off, as in all times of Darkroom.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
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
fn not_blank<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<String>,
    T::Error: std::fmt::Display,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(T::try_from).transpose().map_err(serde::de::Error::custom)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image() -> Value {
        json!({"type": "image", "id": "7", "user": "ann", "file": "a/b.jpg", "created_at": "2019-05-01T12:00:00Z"})
    }

    fn refusal(line: &Value) -> String {
        parse(&line.to_string()).unwrap_err()
    }

    fn with(name: &str, value: Value) -> Value {
        let mut line = image();
        line[name] = value;
        line
    }

    #[test]
    fn a_line_with_all_fields_is_read() {
        let mut line = image();
        line["set"] = json!({"id": "s", "image_type": "image2"});
        (line["title"], line["description"], line["phone_number"]) =
            (json!(""), json!("Two\nlines"), json!(null));
        let Line::Image(image) = parse(&line.to_string()).unwrap() else { panic!("no image") };
        assert_eq!((image.title, image.phone_number), (None, None));
        assert_eq!((image.file.name(), image.file.content_type()), ("b.jpg", Some("image/jpeg")));
        // Django's isoformat() writes microseconds and an offset.
        let line = with("created_at", json!("2019-05-01T14:00:00.123456+02:00"));
        let Line::Image(image) = parse(&line.to_string()).unwrap() else { panic!("no image") };
        assert_eq!(image.created_at.0.to_string(), "2019-05-01T12:00:00.123Z");
    }

    #[test]
    fn a_bad_line_is_told_what_is_wrong() {
        assert!(parse("{").unwrap_err().starts_with("no valid JSON: "));
        assert_eq!(parse("7").unwrap_err(), "must be a JSON object");
        for (field, value, reason) in [
            ("type", json!("photo"), "type: must be \"tier\", \"user\", \"set\" or \"image\""),
            ("id", json!(""), "id: must have 1 to 200 characters on one line"),
            ("user", json!("a b"), "user: must be 1 to 128 characters without spaces"),
            ("created_at", json!("2999-01-01T00:00:00Z"), "created_at: must be a time between 1970 and now"),
            ("title", json!("x".repeat(201)), "title: must have 1 to 200 characters, not 201"),
            ("set", json!({"id": "s", "image_type": "image4"}), "set.image_type: "),
            ("colour", json!("red"), "unknown field `colour`"),
        ] {
            let refusal = refusal(&with(field, value));
            assert!(refusal.contains(reason), "{refusal}");
        }
        // A time without an offset can mean 24 different times.
        let refused = refusal(&with("created_at", json!("2019-05-01T12:00:00")));
        assert!(refused.starts_with("created_at: ") && refused.contains("offset"), "{refused}");
        let mut line = image();
        line.as_object_mut().unwrap().remove("file");
        assert_eq!(refusal(&line), "missing field `file`");
        assert!(
            parse(&with("description", json!("x".repeat(70_000))).to_string()).unwrap_err().contains("65536")
        );
    }

    #[test]
    fn a_user_name_is_not_an_address() {
        let line = |username: &str| json!({"type": "user", "username": username, "email": "ann@example.com", "first_name": "", "tier": null});
        let Line::User(user) = parse(&line("Ann").to_string()).unwrap() else { panic!("no user") };
        assert!(user.first_name.is_none() && user.tier.is_none() && user.enabled && !user.admin);
        assert!(refusal(&line("ann@example.com")).starts_with("username: must not contain @"));
    }

    #[test]
    fn a_file_cannot_be_outside_the_directory() {
        for path in ["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a\\..\\b", "a/"] {
            assert!(
                refusal(&with("file", json!(path))).starts_with("file: must be a relative path"),
                "{path}"
            );
        }
    }

    #[test]
    fn lines_that_differ_have_different_keys() {
        let key = |line: Value| match parse(&line.to_string()) {
            Ok(Line::Image(image)) => image.key(),
            other => panic!("{other:?}"),
        };
        let (first, other) = (key(image()), key(with("id", json!("8"))));
        assert_eq!(first, key(image()));
        assert_ne!(first.key, other.key);
        let changed = key(with("file", json!("c.jpg")));
        assert_eq!(first.key, changed.key);
        assert_ne!(first.request, changed.request);
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}

//! Values that callers send about files and tiers. Each type checks its limits when it is parsed.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// A field has an invalid value. The message tells the caller what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidField(String);

impl From<&str> for InvalidField {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $max:literal, multiline: $multiline:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as the caller sent it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidField;

            fn try_from(text: String) -> Result<Self, InvalidField> {
                let length = text.chars().count();
                if !(1..=$max).contains(&length) {
                    return Err(InvalidField(format!(
                        "must have 1 to {} characters, not {length}", $max
                    )));
                }
                let control = |c: char| c.is_control() && !($multiline && matches!(c, '\n' | '\r' | '\t'));
                if text.chars().any(control) {
                    return Err(InvalidField("must not contain control characters".to_owned()));
                }
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text! {
    /// A client's name for a file: 1 to 255 characters without control characters. Darkroom stores and returns it
    /// unchanged; slashes and dots have no meaning.
    FileName, 255, multiline: false
}
text! {
    /// A title: 1 to 200 characters on one line.
    Title, 200, multiline: false
}
text! {
    /// The displayed name of a tier: 1 to 64 characters on one line.
    TierName, 64, multiline: false
}
text! {
    /// A prompt for a model: 1 to 2,000 characters, with line breaks.
    Prompt, 2000, multiline: true
}
text! {
    /// A description: 1 to 5,000 characters, with line breaks.
    Description, 5000, multiline: true
}

impl TierName {
    /// A name from the source code.
    pub(crate) fn from_static(name: &'static str) -> Self {
        Self(name.to_owned())
    }
}

/// The media types that can be uploaded. The caller declares one, and the signature of the upload covers it. The
/// content decides how the file is decoded, so a wrong type does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ContentType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`, including animations
    Png,
    /// `image/webp`
    Webp,
    /// `image/gif`
    Gif,
    /// `image/avif`
    Avif,
    /// `image/heic`, also for HEIF and sequences
    Heic,
    /// `image/tiff`
    Tiff,
    /// `image/bmp`
    Bmp,
    /// `image/jxl`
    Jxl,
    /// `application/octet-stream`: the client does not know the type
    Unknown,
}

impl ContentType {
    /// The media type's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Jxl => "image/jxl",
            Self::Unknown => "application/octet-stream",
        }
    }
}

/// The registered name of a media type for which phones, browsers and older programs use another name.
fn registered(name: &str) -> &str {
    match name {
        "" => "application/octet-stream",
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/x-png" => "image/png",
        "image/heif" | "image/heic-sequence" | "image/heif-sequence" => "image/heic",
        "image/tif" | "image/x-tiff" => "image/tiff",
        "image/x-bmp" | "image/x-ms-bmp" => "image/bmp",
        name => name,
    }
}

impl TryFrom<String> for ContentType {
    type Error = InvalidField;

    /// Also accepts the usual other names of a type, and an empty name for an unknown type.
    fn try_from(name: String) -> Result<Self, InvalidField> {
        match registered(&name) {
            "image/jpeg" => Ok(Self::Jpeg),
            "image/png" => Ok(Self::Png),
            "image/webp" => Ok(Self::Webp),
            "image/gif" => Ok(Self::Gif),
            "image/avif" => Ok(Self::Avif),
            "image/heic" => Ok(Self::Heic),
            "image/tiff" => Ok(Self::Tiff),
            "image/bmp" => Ok(Self::Bmp),
            "image/jxl" => Ok(Self::Jxl),
            "application/octet-stream" => Ok(Self::Unknown),
            _ => Err(
                "must be image/jpeg, image/png, image/webp, image/avif, image/gif, image/heic, image/tiff, \
                      image/bmp, image/jxl or application/octet-stream"
                    .into(),
            ),
        }
    }
}

impl From<ContentType> for &'static str {
    fn from(content_type: ContentType) -> Self {
        content_type.as_str()
    }
}

/// A file's length in bytes, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct UploadSize(u64);

impl UploadSize {
    /// The length in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for UploadSize {
    type Error = InvalidField;

    fn try_from(bytes: u64) -> Result<Self, InvalidField> {
        // S3 accepts at most 5 GiB in one PUT. The limits of all tiers are far below.
        const MAX: u64 = 5 << 30;
        match bytes {
            0 => Err(InvalidField("must be at least 1 byte: an empty file is not a picture".to_owned())),
            1..=MAX => Ok(Self(bytes)),
            _ => Err(InvalidField(format!("must be at most {MAX} bytes"))),
        }
    }
}

impl From<UploadSize> for u64 {
    fn from(size: UploadSize) -> Self {
        size.0
    }
}

/// A SHA-256 digest in base64, as S3 expects it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(String);

impl Sha256 {
    /// The digest in base64.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let is_digest = BASE64_STANDARD.decode(&text).is_ok_and(|bytes| bytes.len() == 32);
        is_digest
            .then_some(Self(text))
            .ok_or_else(|| InvalidField("must be the 32 bytes of a SHA-256 digest in base64".to_owned()))
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<FileName, InvalidField> {
        text.to_owned().try_into()
    }

    #[test]
    fn odd_file_names_are_kept_byte_for_byte() {
        for text in ["../x", "a b+c.jpg", "🎞️.png", "<img src=x onerror=alert(1)>", "C:\\x", &"ü".repeat(255)]
        {
            assert_eq!(name(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn file_names_that_no_system_can_hold_are_refused() {
        for text in ["", "a\0b", "a\nb", &"x".repeat(300)] {
            assert!(name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_type_may_have_its_other_names_or_be_unknown() {
        let parse = |name: &str| ContentType::try_from(name.to_owned());
        for (name, registered) in [
            ("image/jpeg", "image/jpeg"),
            ("image/jpg", "image/jpeg"),
            ("image/pjpeg", "image/jpeg"),
            ("image/png", "image/png"),
            ("image/x-png", "image/png"),
            ("image/webp", "image/webp"),
            ("image/gif", "image/gif"),
            ("image/avif", "image/avif"),
            ("image/heic", "image/heic"),
            ("image/heif", "image/heic"),
            ("image/heic-sequence", "image/heic"),
            ("image/heif-sequence", "image/heic"),
            ("image/tiff", "image/tiff"),
            ("image/tif", "image/tiff"),
            ("image/x-tiff", "image/tiff"),
            ("image/bmp", "image/bmp"),
            ("image/x-bmp", "image/bmp"),
            ("image/x-ms-bmp", "image/bmp"),
            ("image/jxl", "image/jxl"),
            ("application/octet-stream", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(parse(name).unwrap().as_str(), registered, "{name}");
        }
        for name in ["image/svg+xml", "text/html", "image/jpeg; charset=x", "image/", "IMAGE/JPEG"] {
            assert!(parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_description_may_have_lines() {
        assert!(Description::try_from("one\ntwo".to_owned()).is_ok());
        assert!(Title::try_from("one\ntwo".to_owned()).is_err());
    }

    #[test]
    fn an_empty_file_and_a_file_beyond_s3_are_refused() {
        assert!(UploadSize::try_from(0).is_err());
        assert!(UploadSize::try_from(1).is_ok());
        assert!(UploadSize::try_from((5 << 30) + 1).is_err());
    }

    #[test]
    fn a_checksum_is_32_bytes_of_base64() {
        let digest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(Sha256::try_from(digest.to_owned()).unwrap().as_str(), digest);
        for text in ["", "47DEQpj8", "not base64", &digest.replace('+', "-")] {
            assert!(Sha256::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

//! Object keys. The server generates them; a key never contains the client's file name.

use std::{fmt, str::FromStr};

use crate::{ImageId, UserId};

/// The key of an original: `<user>/<image>/<version>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectKey {
    /// The owner.
    pub user: UserId,
    /// The image.
    pub image: ImageId,
    /// The number of the upload, from 1.
    pub version: u32,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", image_prefix(&self.user, self.image), self.version)
    }
}

/// The prefix of all keys of a user, in both buckets: `<user>/`.
#[must_use]
pub fn user_prefix(user: &UserId) -> String {
    format!("{user}/")
}

/// The prefix of all keys of an image, in both buckets: `<user>/<image>/`.
#[must_use]
pub fn image_prefix(user: &UserId, image: ImageId) -> String {
    format!("{user}/{image}/")
}

/// The prefix of the keys of an original's derivatives: `<user>/<image>/<version>/`.
#[must_use]
pub fn derivatives_prefix(original: &ObjectKey) -> String {
    format!("{original}/")
}

/// The key of a thumbnail in the bucket of derivatives: `<user>/<image>/<version>/<size>.<extension>`.
#[must_use]
pub fn derivative_key(original: &ObjectKey, size: u32, content_type: &str) -> String {
    let extension = match content_type {
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "image/png" => "png",
        _ => "bin",
    };
    format!("{}{size}.{extension}", derivatives_prefix(original))
}

/// The key does not have the form of an original's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key of the form <user>/<image>/<version>")]
pub struct InvalidKey;

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    /// Parses a key as S3 stores it. Events encode keys differently: see [`ObjectKey::from_event`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (Some(user), Some(image), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidKey);
        };
        let key = Self {
            user: user.parse().map_err(|_| InvalidKey)?,
            image: image.parse().map_err(|_| InvalidKey)?,
            version: version.parse().map_err(|_| InvalidKey)?,
        };
        // Each object has one key, but `01` and `+1` would parse as versions too.
        (key.version > 0 && key.to_string() == text).then_some(key).ok_or(InvalidKey)
    }
}

impl ObjectKey {
    /// Parses a key from an S3 event. Events form-encode keys: `+` is a space, `%2B` a plus. The key is decoded
    /// exactly once.
    ///
    /// # Errors
    /// [`InvalidKey`] if the decoded text is not UTF-8 or not the key of an original.
    pub fn from_event(encoded: &str) -> Result<Self, InvalidKey> {
        let spaced = encoded.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().map_err(|_| InvalidKey)?.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "01JZ0000000000000000000000";

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let text = format!("user-1/{IMAGE}/3");
        let key: ObjectKey = text.parse().unwrap();
        assert_eq!((key.version, key.to_string()), (3, text));
        assert_eq!(derivative_key(&key, 200, "image/jpeg"), format!("user-1/{IMAGE}/3/200.jpg"));
    }

    #[test]
    fn keys_of_other_shapes_are_not_ours() {
        for text in [
            "",
            "a",
            "user-1/x/1",
            &format!("user-1/{IMAGE}/0"),
            &format!("user-1/{IMAGE}/01"),
            &format!("user-1/{IMAGE}/1/200.jpg"),
            &format!("../{IMAGE}/1"),
        ] {
            assert_eq!(text.parse::<ObjectKey>(), Err(InvalidKey), "{text}");
        }
    }

    #[test]
    fn a_form_encoded_key_is_decoded_exactly_once() {
        let encoded = format!("user%2D1/{IMAGE}/1");
        assert_eq!(ObjectKey::from_event(&encoded).unwrap().user.as_str(), "user-1");
        // Decoding twice would turn these into valid keys.
        for twice in [format!("user%252D1/{IMAGE}/1"), format!("user-1%252F{IMAGE}%252F1")] {
            assert_eq!(ObjectKey::from_event(&twice), Err(InvalidKey), "{twice}");
        }
        // A plus means a space and `%2B` a plus; our keys contain neither.
        for odd in [format!("user+1/{IMAGE}/1"), format!("user-1/{IMAGE}/%2B1"), "%FF/a/1".to_owned()] {
            assert_eq!(ObjectKey::from_event(&odd), Err(InvalidKey), "{odd}");
        }
    }
}

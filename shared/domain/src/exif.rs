//! What a camera wrote into a picture.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// What a camera wrote into a picture: when, with what and where it was taken. A field is `None` if the file does not
/// have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exif {
    /// When the picture was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<TakenAt>,
    /// The maker and the model of the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// The model of the lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// The exposure time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure_time: Option<f64>,
    /// The f-number: the focal length divided by the diameter of the aperture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// The ISO sensitivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// The focal length in millimetres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_length: Option<f64>,
    /// Where the picture was taken. Only the owner of the image may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Exif {
    /// Whether the file has none of these fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A place on Earth (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees, from -90 in the south to 90.
    pub latitude: f64,
    /// Degrees, from -180 in the west to 180.
    pub longitude: f64,
    /// Metres above sea level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude: Option<f64>,
}

/// When a picture was taken, as the clock of the camera showed it: `2026-05-01T14:30:00`. Fractions of a second and the
/// offset from UTC (`+02:00`) may follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TakenAt(String);

/// The text has another form than [`TakenAt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2026-05-01T14:30:00 or 2026-05-01T14:30:00.25+02:00")]
pub struct InvalidTakenAt;

impl TakenAt {
    /// The time with its offset, if the camera wrote one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The time that the clock showed, without the offset.
    #[must_use]
    pub fn local(&self) -> &str {
        split(&self.0).0
    }
}

/// The time, and the offset or nothing. Only an offset contains a sign after the `T`.
fn split(text: &str) -> (&str, &str) {
    let date = text.find('T').unwrap_or(text.len());
    let offset = text[date..].find(['+', '-']).map_or(text.len(), |at| date + at);
    text.split_at(offset)
}

impl TryFrom<String> for TakenAt {
    type Error = InvalidTakenAt;

    fn try_from(text: String) -> Result<Self, InvalidTakenAt> {
        const SECONDS: usize = "2026-05-01T14:30:00".len();
        let (local, offset) = split(&text);
        // The parser also accepts shorter forms and other separators.
        let has_form = local.get(..SECONDS).is_some_and(|time| {
            time.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                10 => byte == b'T',
                13 | 16 => byte == b':',
                _ => byte.is_ascii_digit(),
            })
        });
        let is_offset =
            matches!(offset.as_bytes(), [] | [_, b'0'..=b'1', b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9']);
        if has_form && is_offset && local.parse::<DateTime>().is_ok() {
            Ok(Self(text))
        } else {
            Err(InvalidTakenAt)
        }
    }
}

impl From<TakenAt> for String {
    fn from(time: TakenAt) -> Self {
        time.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<TakenAt, InvalidTakenAt> {
        text.to_owned().try_into()
    }

    #[test]
    fn a_time_has_one_form() {
        for (text, local) in [
            ("2026-05-01T14:30:00", "2026-05-01T14:30:00"),
            ("2026-05-01T14:30:00.25", "2026-05-01T14:30:00.25"),
            ("2026-05-01T14:30:00+02:00", "2026-05-01T14:30:00"),
            ("2026-05-01T14:30:00.123-09:30", "2026-05-01T14:30:00.123"),
            ("2016-12-31T23:59:60", "2016-12-31T23:59:60"),
        ] {
            let time = parsed(text).unwrap();
            assert_eq!((time.as_str(), time.local()), (text, local));
        }
        for text in [
            "",
            "2026-05-01",
            "2026-05-01T14:30",
            "2026-05-01 14:30:00",
            "2026-05-01T14:30:00Z",
            "2026-05-01T14:30:00+2",
            "2026-05-01T14:30:00+24:00",
            "2026-02-30T14:30:00",
            "2026-05-01T25:30:00",
            "20260-5-01T14:30:00",
            "2026-05-01T14:30:00#x",
            "2026-05-0١T14:30:00",
        ] {
            assert_eq!(parsed(text), Err(InvalidTakenAt), "{text}");
        }
    }

    #[test]
    fn a_record_leaves_out_what_the_file_does_not_have() {
        let exif = Exif { iso: Some(100), ..Exif::default() };
        let json = serde_json::to_string(&exif).unwrap();
        assert_eq!(json, r#"{"iso":100}"#);
        assert_eq!(serde_json::from_str::<Exif>(&json).unwrap(), exif);
        assert!(serde_json::from_str::<Exif>("{}").unwrap().is_empty());
    }
}

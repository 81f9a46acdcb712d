//! The order of images by the time at which their pictures were taken.

use std::{fmt, str::FromStr};

use jiff::civil::DateTime;

use crate::{ImageId, TakenAt, Timestamp};

/// The position of an image in the order of the times at which the pictures were taken: the time and the id. It has the
/// form `2026-05-01T14:30:00.25#<image id>`, and the order of the texts is that of the times: `#` comes before the point
/// of the fractions and before each digit.
///
/// The time is what the clock of the camera showed, whatever its offset from UTC, because many cameras do not write the
/// offset. So pictures of one day of a journey stay together. An image whose picture has no time, or that has no picture
/// yet, has the time at which it was created, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenPosition {
    time: String,
    /// The image.
    pub image: ImageId,
}

/// A date or a time without an offset, in the form that the positions contain. `None` if the text has another form.
#[must_use]
pub fn local_time(text: &str) -> Option<String> {
    // The parser also accepts offsets and time zones, which it ignores.
    let has_form =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'T' | b':' | b'.'));
    let is_date_or_time = matches!(text.len(), 10) || text.len() >= "2026-05-01T14:30".len();
    let (date, _) = text.split_at_checked(10)?;
    let time: DateTime = text.parse().ok().filter(|_| has_form && is_date_or_time)?;
    // An offset west of UTC is a minus after the date.
    (!text[date.len()..].contains('-')).then(|| time.to_string())
}

/// The text has another form than [`TakenPosition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position of the form <time>#<image id>")]
pub struct InvalidPosition;

impl TakenPosition {
    /// The position of an image with a picture that was taken at this time, or of one without such a time.
    pub(super) fn new(taken_at: Option<&TakenAt>, created_at: Timestamp, image: ImageId) -> Self {
        let time = match taken_at {
            Some(time) => time.local().to_owned(),
            None => created_at.to_string().trim_end_matches('Z').to_owned(),
        };
        Self { time, image }
    }
}

impl fmt::Display for TakenPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.time, self.image)
    }
}

impl FromStr for TakenPosition {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (time, image) = text.split_once('#').ok_or(InvalidPosition)?;
        let image = image.parse().map_err(|_| InvalidPosition)?;
        Ok(Self { time: time.to_owned(), image })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Status, samples::replaced};
    use super::*;

    fn position(taken_at: Option<&str>) -> String {
        let mut image = replaced(Status::Ready);
        image.created_at = "2026-03-12T19:03:58.5Z".parse().unwrap();
        let picture = image.picture.as_mut().unwrap();
        picture.exif.taken_at = taken_at.map(|time| time.to_owned().try_into().unwrap());
        let position = image.taken_position();
        assert_eq!(position.to_string().parse(), Ok(position.clone()));
        position.to_string().strip_suffix(&format!("#{}", image.id)).unwrap().to_owned()
    }

    #[test]
    fn the_time_is_that_of_the_camera_or_that_of_the_creation() {
        assert_eq!(position(Some("2025-12-31T23:59:59.25+09:00")), "2025-12-31T23:59:59.25");
        assert_eq!(position(Some("2025-12-31T23:59:59")), "2025-12-31T23:59:59");
        assert_eq!(position(None), "2026-03-12T19:03:58.5");
        let mut image = replaced(Status::Ready);
        image.picture = None;
        assert!(image.created_at.to_string().starts_with(&image.taken_position().time));
        assert_eq!("2026-05-01T14:30:00".parse::<TakenPosition>(), Err(InvalidPosition));
        assert_eq!("2026-05-01T14:30:00#x".parse::<TakenPosition>(), Err(InvalidPosition));
    }

    #[test]
    fn a_limit_is_a_date_or_a_time_without_an_offset() {
        for (text, limit) in [
            ("2026-05-01", Some("2026-05-01T00:00:00")),
            ("2026-05-01T14:30", Some("2026-05-01T14:30:00")),
            ("2026-05-01T14:30:00.25", Some("2026-05-01T14:30:00.25")),
            ("2026-05-01T14:30:00Z", None),
            ("2026-05-01T14:30:00+02:00", None),
            ("2026-05-01T14:30:00-02:00", None),
            ("2026-02-30", None),
            ("2026-05", None),
            ("20260501", None),
            ("2026-05-0١", None),
            ("", None),
        ] {
            assert_eq!(local_time(text).as_deref(), limit, "{text}");
        }
    }

    #[test]
    fn the_order_of_the_texts_is_that_of_the_times() {
        let id = ImageId::generate();
        let times =
            ["1999-12-31T23:59:59", "2026-05-01T14:30:00", "2026-05-01T14:30:00.1", "2026-05-01T14:30:00.12"];
        let texts = times.map(|time| TakenPosition { time: time.to_owned(), image: id }.to_string());
        assert!(texts.is_sorted(), "{texts:?}");
    }
}

//! What a camera wrote into a picture: when, with what, and where it was taken.

use ::exif::{Error, Exif as Fields, In, Rational, Reader, Tag, Value};

use crate::formats::Format;

/// The maximum length of a text in characters. Longer ones are cut.
const MAX_TEXT: usize = 100;

/// What a camera wrote into a picture. A field is `None` if the picture does not have it, or if its value makes no sense.
///
/// Numbers have six significant digits, because cameras write approximations: 1244236/699009 for 1.78.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exif {
    /// The time at which the picture was taken, as ISO 8601: `2026-05-01T14:30:00`, with fractions of a second and with
    /// the offset from UTC (`+02:00`) if the camera wrote them. Most cameras write the local time without an offset.
    pub taken_at: Option<String>,
    /// The maker and the model of the camera. The maker is left out if the model begins with it.
    pub camera: Option<String>,
    /// The model of the lens.
    pub lens: Option<String>,
    /// The exposure time in seconds.
    pub exposure_time: Option<f64>,
    /// The f-number: the focal length divided by the aperture.
    pub f_number: Option<f64>,
    /// The sensitivity.
    pub iso: Option<u32>,
    /// The focal length in millimetres, not converted to that of a 35 mm film.
    pub focal_length: Option<f64>,
    /// The place. It is private: never show it to anyone but the owner.
    pub location: Option<Location>,
}

/// A place on Earth (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Degrees, from -90 in the south to 90.
    pub latitude: f64,
    /// Degrees, from -180 in the west to 180.
    pub longitude: f64,
    /// Metres above the level of the sea.
    pub altitude: Option<f64>,
}

/// Reads the EXIF block of a picture. The result is empty if there is none, or if it is damaged so much that nothing can
/// be read. The picture itself is not decoded.
#[must_use]
pub fn read_exif(bytes: &[u8]) -> Exif {
    let read = || {
        let block = (Format::of(bytes)?.decoder().exif)(bytes)?;
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        match reader.read_raw(block.into_owned()) {
            Ok(fields) => Some(fields),
            // The fields before and after the damage.
            Err(Error::PartialResult(partial)) => Some(partial.into_inner().0),
            Err(_) => None,
        }
    };
    // A block from a stranger may violate an assertion of the library.
    let fields = std::panic::catch_unwind(read).ok().flatten();
    fields.map(|fields| interpret(&fields)).unwrap_or_default()
}

fn interpret(fields: &Fields) -> Exif {
    let (make, model) = (text(fields, Tag::Make), text(fields, Tag::Model));
    Exif {
        taken_at: taken_at(fields),
        camera: camera(make, model),
        lens: text(fields, Tag::LensModel),
        exposure_time: number(fields, Tag::ExposureTime).filter(|&seconds| seconds > 0.0),
        f_number: number(fields, Tag::FNumber).filter(|&number| number > 0.0),
        iso: iso(fields),
        focal_length: number(fields, Tag::FocalLength).filter(|&length| length > 0.0),
        location: location(fields),
    }
}

fn value(fields: &Fields, tag: Tag) -> Option<&Value> {
    fields.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

/// The first text of a field, without control characters, and without spaces around it.
fn text(fields: &Fields, tag: Tag) -> Option<String> {
    let Value::Ascii(texts) = value(fields, tag)? else { return None };
    let text = String::from_utf8_lossy(texts.first()?);
    let text: String = text.chars().take_while(|&c| c != '\0').filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(MAX_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

fn number(fields: &Fields, tag: Tag) -> Option<f64> {
    let Value::Rational(rationals) = value(fields, tag)? else { return None };
    rationals.first().and_then(quotient).map(rounded)
}

fn quotient(rational: &Rational) -> Option<f64> {
    (rational.denom != 0).then(|| rational.to_f64())
}

/// A number with six significant digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

fn camera(make: Option<String>, model: Option<String>) -> Option<String> {
    let (make, model) = match (make, model) {
        (Some(make), Some(model)) => (make, model),
        (make, model) => return model.or(make),
    };
    let word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_lowercase();
    Some(if word(&make) == word(&model) { model } else { format!("{make} {model}") })
}

fn iso(fields: &Fields) -> Option<u32> {
    /// Cameras write the largest number of two bytes if the sensitivity is higher.
    const HIGHER: u32 = 65_535;
    let read = |tag| value(fields, tag)?.get_uint(0).filter(|&iso| iso > 0);
    read(Tag::PhotographicSensitivity)
        .filter(|&iso| iso < HIGHER)
        .or_else(|| read(Tag::RecommendedExposureIndex))
        .or_else(|| read(Tag::ISOSpeed))
}

fn taken_at(fields: &Fields) -> Option<String> {
    [
        (Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal),
        (Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized),
    ]
    .into_iter()
    .find_map(|(time, fraction, offset)| {
        let time = iso_8601(&text(fields, time)?)?;
        let is_number = |text: &String| text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = text(fields, fraction).filter(is_number);
        let fraction = fraction.map_or_else(String::new, |digits| format!(".{digits}"));
        let offset = text(fields, offset).filter(|offset| is_offset(offset)).unwrap_or_default();
        Some(format!("{time}{fraction}{offset}"))
    })
}

/// Converts `2026:05:01 14:30:00`. Some programs write other separators.
fn iso_8601(text: &str) -> Option<String> {
    let numbers: Vec<u32> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second, ..] = numbers[..] else { return None };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let is_valid = (1800..=9999).contains(&year)
        && (1..=days).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    is_valid.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// Whether this is an offset such as `+02:00`.
fn is_offset(text: &str) -> bool {
    matches!(text.as_bytes(), [b'+' | b'-', b'0'..=b'1', b'0'..=b'9', b':', b'0'..=b'5', b'0'..=b'9'])
}

fn location(fields: &Fields) -> Option<Location> {
    let degrees = |tag, reference, negative: &str, limit: f64| {
        let Value::Rational(parts) = value(fields, tag)? else { return None };
        let degrees = quotient(parts.first()?)?;
        // Minutes and seconds may be missing.
        let part = |index: usize| parts.get(index).and_then(quotient).unwrap_or_default();
        let degrees = degrees + part(1) / 60.0 + part(2) / 3600.0;
        let is_negative = text(fields, reference)?.eq_ignore_ascii_case(negative);
        // Seven decimals are a centimetre.
        let degrees = (degrees * 1e7).round() / 1e7;
        (degrees <= limit).then_some(if is_negative { -degrees } else { degrees })
    };
    let is_below = value(fields, Tag::GPSAltitudeRef).and_then(|value| value.get_uint(0)) == Some(1);
    let altitude = number(fields, Tag::GPSAltitude).map(|metres| if is_below { -metres } else { metres });
    Some(Location {
        latitude: degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0)?,
        longitude: degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0)?,
        altitude,
    })
}

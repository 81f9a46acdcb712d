//! What a client asks for, with one type for each parameter.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Color, FocalPoint};
use crate::InvalidField;

/// A parameter of a rendition is unknown, repeated, missing or out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct InvalidOption {
    /// The parameter, as the client wrote it.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The parameters of a rendition as a client sends them: in a query string, or as a JSON object with the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestedRendition {
    /// The width of the area in pixels.
    pub width: Option<Pixels>,
    /// The height of the area in pixels.
    pub height: Option<Pixels>,
    /// How the picture fits the area.
    pub fit: Option<Fit>,
    /// What a crop keeps.
    pub gravity: Option<Gravity>,
    /// What lies under transparent pixels and beside a picture with `pad`.
    pub background: Option<Color>,
    /// The quality of JPEG, WebP and AVIF.
    pub quality: Option<Quality>,
    /// A factor for width and height.
    pub dpr: Option<Dpr>,
    /// The format.
    pub format: Option<RenditionFormat>,
}

impl RequestedRendition {
    /// Reads the names and values of a query string.
    ///
    /// # Errors
    /// [`InvalidOption`] names the first parameter that is unknown, repeated or out of range.
    pub fn from_query<'a>(
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidOption> {
        let mut requested = Self::default();
        for (name, text) in query {
            match name {
                "width" => read(&mut requested.width, name, text),
                "height" => read(&mut requested.height, name, text),
                "fit" => read(&mut requested.fit, name, text),
                "gravity" => read(&mut requested.gravity, name, text),
                "background" => read(&mut requested.background, name, text),
                "quality" => read(&mut requested.quality, name, text),
                "dpr" => read(&mut requested.dpr, name, text),
                "format" => read(&mut requested.format, name, text),
                _ => Err(InvalidOption {
                    name: name.to_owned(),
                    reason: "there is no such parameter".to_owned(),
                }),
            }?;
        }
        Ok(requested)
    }
}

fn read<T: FromStr<Err = InvalidField>>(
    value: &mut Option<T>,
    name: &str,
    text: &str,
) -> Result<(), InvalidOption> {
    let invalid = |reason: String| InvalidOption { name: name.to_owned(), reason };
    let new = text.parse::<T>().map_err(|error: InvalidField| invalid(error.to_string()))?;
    match value.replace(new) {
        None => Ok(()),
        Some(_) => Err(invalid("send this parameter once".to_owned())),
    }
}

/// A length in pixels: 1 to 4,096.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Pixels(u32);

impl Pixels {
    /// The greatest length of a side.
    pub const MAX: u32 = 4096;

    /// The number of pixels.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// The quality of a format that loses information, from 1 (small files) to 100 (the best picture).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(u8);

impl Quality {
    /// The quality if a client asks for none. It is also that of thumbnails.
    pub const DEFAULT: Self = Self(80);

    /// The number, 1 to 100.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// A factor for width and height, for screens with more pixels than CSS pixels: 1 to 3, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Dpr(u32);

impl Dpr {
    pub(super) const ONE: Self = Self(100);

    /// Multiplies the sides of an area. If a side became longer than [`Pixels::MAX`], the factor is smaller, so that the
    /// area keeps its shape.
    pub(super) fn apply(self, width: Option<Pixels>, height: Option<Pixels>) -> [Option<Pixels>; 2] {
        let longer = width.into_iter().chain(height).map(Pixels::get).max().unwrap_or(1);
        let hundredths = u64::from(self.0).min(u64::from(Pixels::MAX) * 100 / u64::from(longer));
        let scaled = |Pixels(side)| {
            let side = (u64::from(side) * hundredths + 50) / 100;
            Pixels(u32::try_from(side).unwrap_or(Pixels::MAX).clamp(1, Pixels::MAX))
        };
        [width.map(scaled), height.map(scaled)]
    }
}

/// How a picture fits the area of `width` and `height`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Fit {
    /// The whole picture, as large as the area allows.
    #[default]
    ScaleDown,
    /// The same as `scale-down`, because no picture is enlarged.
    Contain,
    /// A part of the picture with the shape of the area. If the picture is smaller than the area, the part is smaller.
    Cover,
    /// A part of the picture that fills the area. A side that is shorter than that of the area stays as it is.
    Crop,
    /// The whole picture, in the middle of an area of exactly this size.
    Pad,
}

/// What a crop keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Gravity {
    /// The focal point of the image, or its centre.
    #[default]
    Auto,
    /// This point.
    Point(FocalPoint),
}

/// The format of a rendition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum RenditionFormat {
    /// AVIF or WebP if the client accepts one of them. Otherwise PNG for a picture with transparency, and JPEG for others.
    #[default]
    Auto,
    /// JPEG. The background lies under transparent pixels.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
}

impl RenditionFormat {
    /// The format for a client that sent this `Accept` header. `Auto` stays if the client names neither AVIF nor WebP. A
    /// wildcard does not count, because clients send it that display neither.
    #[must_use]
    pub fn negotiated(self, accept: Option<&str>) -> Self {
        let accepts = |wanted: &str| {
            accept.unwrap_or_default().split(',').any(|range| {
                let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
                let is_refused = parameters.split(';').any(|parameter| {
                    let weight =
                        parameter.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
                    weight == Some(0.0)
                });
                media_type.trim().eq_ignore_ascii_case(wanted) && !is_refused
            })
        };
        match self {
            Self::Auto if accepts("image/avif") => Self::Avif,
            Self::Auto if accepts("image/webp") => Self::Webp,
            format => format,
        }
    }
}

impl Fit {
    const ALL: [Self; 5] = [Self::ScaleDown, Self::Contain, Self::Cover, Self::Crop, Self::Pad];

    /// The name in requests and in canonical forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScaleDown => "scale-down",
            Self::Contain => "contain",
            Self::Cover => "cover",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }
}

impl RenditionFormat {
    const ALL: [Self; 5] = [Self::Auto, Self::Jpeg, Self::Png, Self::Webp, Self::Avif];

    /// The name in requests and in canonical forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }
}

/// Implements the conversions of a value that is one of several names.
macro_rules! named {
    ($name:ident, $expected:literal) => {
        impl FromStr for $name {
            type Err = InvalidField;

            fn from_str(text: &str) -> Result<Self, InvalidField> {
                let value = Self::ALL.into_iter().find(|value| value.as_str() == text);
                value.ok_or_else(|| InvalidField::from($expected))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidField;

            fn try_from(text: String) -> Result<Self, InvalidField> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> Self {
                value.as_str()
            }
        }
    };
}

named!(Fit, "must be scale-down, contain, cover, crop or pad");
named!(RenditionFormat, "must be auto, jpeg, png, webp or avif");

/// Implements the conversions of a whole number with bounds.
macro_rules! whole {
    ($name:ident, $number:ty, $max:expr, $expected:literal) => {
        impl TryFrom<$number> for $name {
            type Error = InvalidField;

            fn try_from(number: $number) -> Result<Self, InvalidField> {
                let fits = (1..=$max).contains(&number);
                fits.then_some(Self(number)).ok_or_else(|| InvalidField::from($expected))
            }
        }

        impl FromStr for $name {
            type Err = InvalidField;

            fn from_str(text: &str) -> Result<Self, InvalidField> {
                // A text that is no number is out of range too.
                text.parse::<$number>().unwrap_or_default().try_into()
            }
        }

        impl From<$name> for $number {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

whole!(Pixels, u32, Self::MAX, "must be a whole number from 1 to 4096");
whole!(Quality, u8, 100, "must be a whole number from 1 to 100");

impl TryFrom<f64> for Dpr {
    type Error = InvalidField;

    fn try_from(factor: f64) -> Result<Self, InvalidField> {
        let fits = (1.0..=3.0).contains(&factor);
        fits.then_some(Self((factor * 100.0).round() as u32))
            .ok_or_else(|| InvalidField::from("must be 1 to 3"))
    }
}

impl FromStr for Dpr {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        text.parse::<f64>().unwrap_or_default().try_into()
    }
}

impl FromStr for Gravity {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let gravity = if text == "auto" { Some(Self::Auto) } else { text.parse().ok().map(Self::Point) };
        gravity.ok_or_else(|| {
            InvalidField::from("must be auto, or XxY with numbers from 0 to 1, such as 0.5x0.33")
        })
    }
}

impl TryFrom<String> for Gravity {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        text.parse()
    }
}

impl From<Gravity> for String {
    fn from(gravity: Gravity) -> Self {
        match gravity {
            Gravity::Auto => "auto".to_owned(),
            Gravity::Point(point) => point.to_string(),
        }
    }
}

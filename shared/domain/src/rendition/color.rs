//! The background of a rendition.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::InvalidField;

/// A color in sRGB: red, green and blue. Its text is `rrggbb`, in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(pub [u8; 3]);

impl Color {
    /// White.
    pub const WHITE: Self = Self([255; 3]);
}

impl FromStr for Color {
    type Err = InvalidField;

    /// Accepts a `#` before the digits, as in CSS and in Cloudflare's documentation.
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let is_hexadecimal = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let color = is_hexadecimal.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
        let color = color
            .ok_or_else(|| InvalidField::from("must be a color of six hexadecimal digits, such as ffffff"))?;
        let [_, red, green, blue] = color.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl TryFrom<String> for Color {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

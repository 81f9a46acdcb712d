//! The point of a picture that a crop keeps.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::InvalidField;

/// The point of a picture that a crop keeps as near to its middle as possible. The picture is upright.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FocalPoint {
    /// From the left (0) to the right (1).
    pub x: Fraction,
    /// From the top (0) to the bottom (1).
    pub y: Fraction,
}

/// A number from 0 to 1, rounded to three decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Fraction(u16);

impl FocalPoint {
    /// The centre of the picture.
    pub const CENTRE: Self = Self { x: Fraction(500), y: Fraction(500) };
}

impl Fraction {
    /// The number, 0 to 1.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl TryFrom<f64> for Fraction {
    type Error = InvalidField;

    fn try_from(number: f64) -> Result<Self, InvalidField> {
        let fits = (0.0..=1.0).contains(&number);
        fits.then_some(Self((number * 1000.0).round() as u16))
            .ok_or_else(|| InvalidField::from("must be 0 to 1"))
    }
}

impl From<Fraction> for f64 {
    fn from(fraction: Fraction) -> Self {
        fraction.value()
    }
}

impl FromStr for FocalPoint {
    type Err = InvalidField;

    /// `XxY`, such as `0.5x0.33`.
    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let fraction = |text: &str| Fraction::try_from(text.parse::<f64>().ok()?).ok();
        let point = text.split_once('x').and_then(|(x, y)| Some(Self { x: fraction(x)?, y: fraction(y)? }));
        point.ok_or_else(|| InvalidField::from("must be XxY with numbers from 0 to 1, such as 0.5x0.33"))
    }
}

impl fmt::Display for FocalPoint {
    /// `XxY`, without zeros at the end of a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.x.value(), self.y.value())
    }
}

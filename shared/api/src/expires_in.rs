use domain::InvalidField;
use serde::Deserialize;

/// After how many seconds something expires: 300 to `MAX`. Serde rejects other numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
pub struct ExpiresIn<const MAX: i64>(i64);

impl<const MAX: i64> ExpiresIn<MAX> {
    /// The number of seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl<const MAX: i64> TryFrom<i64> for ExpiresIn<MAX> {
    type Error = InvalidField;

    fn try_from(seconds: i64) -> Result<Self, InvalidField> {
        let fits = (300..=MAX).contains(&seconds);
        fits.then_some(Self(seconds))
            .ok_or_else(|| InvalidField::from(format!("must be 300 to {MAX} seconds").as_str()))
    }
}

//! The fields of requests.

use domain::InvalidField;
use serde::Deserialize;

/// A first or last name: 1 to 100 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PersonName(String);

impl PersonName {
    /// The name as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonName {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then_some(Self(text))
            .ok_or_else(|| InvalidField::from("must be 1 to 100 characters without control characters"))
    }
}

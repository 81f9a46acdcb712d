#![doc = include_str!("../README.md")]

use domain::{InvalidField, PhoneNumber};
use phonenumber::{Mode, country};

/// Parses a number as people type it, with spaces, dashes or brackets. `region` is an ISO 3166-1 country code such as
/// `DE`. A number without a country code is parsed as a number of that country. If `region` is empty, such a number is
/// rejected.
///
/// # Errors
/// The text is not a valid phone number.
pub fn parse(text: &str, region: &str) -> Result<PhoneNumber, InvalidField> {
    let invalid = || InvalidField::from("must be a phone number such as +49 30 123456");
    // No phone number with spaces and brackets is longer.
    const MAX_BYTES: usize = 64;
    if text.len() > MAX_BYTES {
        return Err(invalid());
    }
    let region: Option<country::Id> = region.parse().ok();
    let number = phonenumber::parse(region, text).map_err(|_| invalid())?;
    if !phonenumber::is_valid(&number) {
        return Err(invalid());
    }
    number.format().mode(Mode::E164).to_string().try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_has_one_form() {
        for text in ["+49 30 901820", "+4930901820", "0049 30 901820", "030/901820", "(030) 90-1820"] {
            assert_eq!(parse(text, "DE").unwrap().as_str(), "+4930901820", "{text}");
        }
        assert_eq!(parse("+1 202-456-1414", "DE").unwrap().as_str(), "+12024561414");
    }

    #[test]
    fn a_number_without_a_country_needs_a_region() {
        assert!(parse("030 901820", "").is_err());
        assert!(parse("+49 30 901820", "").is_ok());
    }

    proptest::proptest! {
        /// The parser must not panic, and a parsed number must parse to itself.
        #[test]
        fn any_text_is_rejected_or_has_one_form(text in "[+0-9 ()/.;=A-Za-z\\PC-]{0,70}") {
            if let Ok(number) = parse(&text, "DE") {
                assert_eq!(parse(number.as_str(), "").as_ref(), Ok(&number));
            }
        }
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for text in [
            "",
            "+",
            "hello",
            "+49",
            "+999 1234567",
            "12",
            "+1 202-456-14141414",
            "+٤٩",
            &"1".repeat(100_000),
        ] {
            assert!(parse(text, "DE").is_err(), "{}", &text[..text.len().min(20)]);
        }
    }
}

#![doc = include_str!("../README.md")]

use domain::{InvalidField, PhoneNumber};
use phonenumber::{Mode, country};

/// Reads a number as people type it, with spaces, dashes or brackets. One without a country code is taken as
/// dialled in `region`, a country of ISO 3166-1 such as `DE`; where that is empty, it is refused.
///
/// # Errors
/// The text is no number that anybody could have.
pub fn parse(text: &str, region: &str) -> Result<PhoneNumber, InvalidField> {
    let invalid = || InvalidField::from("must be a phone number such as +49 30 123456");
    // Longer than any number with all its decoration.
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
        /// A parser of strangers' text must not panic, and what it takes has one form for good.
        #[test]
        fn whatever_is_typed_is_a_number_of_one_form_or_none(text in "[+0-9 ()/.;=A-Za-z\\PC-]{0,70}") {
            if let Ok(number) = parse(&text, "DE") {
                assert_eq!(parse(number.as_str(), "").as_ref(), Ok(&number));
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
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

//! The fields of requests.

use std::fmt;

use domain::InvalidField;
use serde::Deserialize;
use unicode_general_category::{GeneralCategory, get_general_category};

macro_rules! field {
    ($(#[$doc:meta])* $name:ident, $check:expr, $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text as it was sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidField;

            fn try_from(text: String) -> Result<Self, InvalidField> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(InvalidField::from($message)) }
            }
        }

        /// Hides the text from logs.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

field! {
    /// A user name. Cognito accepts 1 to 128 letters, marks, symbols, numbers and punctuation characters (API reference,
    /// AdminCreateUser, "Username").
    Username,
    |text| (1..=128).contains(&text.chars().count()) && text.chars().all(is_visible),
    "must be 1 to 128 visible characters without spaces"
}
field! {
    /// The user name of a new user. It contains no at sign, because Cognito refuses names that look like an address where
    /// the address is an alias (Amazon Cognito Developer Guide, "Customizing sign-in attributes").
    NewUsername,
    |text| Username::try_from(text.to_owned()).is_ok() && !text.contains('@'),
    "must be 1 to 128 visible characters without spaces and without @"
}
field! {
    /// An e-mail address. Only the code that Cognito sends to it proves that it works.
    Email,
    |text| {
        let parts = text.split_once('@');
        text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
    },
    "must be an e-mail address"
}
field! {
    /// A password. Cognito accepts up to 256 characters of the pattern `[\S]+` (API reference, ChangePassword,
    /// "PreviousPassword"): no space, tab or end of a line. The policy of the pool decides whether it is strong enough.
    Password,
    |text| (1..=256).contains(&text.chars().count()) && !text.contains([' ', '\t', '\n', '\x0b', '\x0c', '\r']),
    "must be 1 to 256 characters without spaces"
}
field! {
    /// A code from an e-mail or from an authenticator app.
    Code,
    |text| (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()),
    "must be a code of letters and digits"
}
field! {
    /// The session of a challenge, as Cognito returned it (Cognito's API reference, RespondToAuthChallenge, "Session").
    Session,
    |text| (20..=2048).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()),
    "must be the session from the challenge"
}
field! {
    /// A first or last name.
    PersonName,
    |text| (1..=100).contains(&text.chars().count()) && !text.trim().is_empty() && !text.chars().any(char::is_control),
    "must be 1 to 100 characters on one line"
}

/// Whether Cognito accepts the character in a user name. Spaces, control characters and invisible format characters are
/// in other categories of Unicode.
fn is_visible(character: char) -> bool {
    use GeneralCategory as Category;
    !matches!(
        get_general_category(character),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::SpaceSeparator
            | Category::Surrogate
            | Category::Unassigned
    )
}

impl Password {
    /// The minimum length of a password. template.yaml sets it in the policy of the pool.
    const MIN_CHARACTERS: usize = 8;

    /// The rules of the pool's policy in template.yaml that the password does not satisfy.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let lacks = |wanted: fn(char) -> bool| !self.0.chars().any(wanted);
        let rules = [
            (self.0.chars().count() < Self::MIN_CHARACTERS, "8-characters"),
            (lacks(|c| c.is_ascii_lowercase()), "lower-case-letter"),
            (lacks(|c| c.is_ascii_uppercase()), "upper-case-letter"),
            (lacks(|c| c.is_ascii_digit()), "digit"),
        ];
        rules.into_iter().filter_map(|(missing, name)| missing.then_some(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_contains_no_spaces() {
        for text in ["Passw0rd1", "p", "Pässwörter1", "~!@#$%^&*()", "no\u{a0}break"] {
            assert!(Password::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "two words", " Passw0rd1", "Passw0rd1\n", "a\tb", "\u{b}"] {
            assert!(Password::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_weak_password_is_reported_with_all_it_lacks() {
        let missing = |text: &str| Password::try_from(text.to_owned()).unwrap().missing();
        assert_eq!(missing("aaaa"), ["8-characters", "upper-case-letter", "digit"]);
        assert_eq!(missing("LONGENOUGH1"), ["lower-case-letter"]);
        assert!(missing("Longenough1").is_empty());
    }

    #[test]
    fn an_invalid_address_or_name_is_refused() {
        for text in ["", "a", "@b", "a@", "a@b@c", "a b@c"] {
            assert!(Email::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Email::try_from("ann@example.com".to_owned()).is_ok());
        for text in ["", "a b", "a\0", "a\u{200b}", "a\u{e000}", &"x".repeat(129)] {
            assert!(Username::try_from(text.to_owned()).is_err(), "{text}");
            assert!(NewUsername::try_from(text.to_owned()).is_err(), "{text}");
        }
        // A user name that looks like an address could be mistaken for another user's address.
        assert!(NewUsername::try_from("ann@example.com".to_owned()).is_err());
        assert!(Username::try_from("ann@example.com".to_owned()).is_ok());
        for text in ["", " ", "a\nb", &"x".repeat(101)] {
            assert!(PersonName::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(PersonName::try_from("Jos\u{e9} Luis".to_owned()).is_ok());
    }

    #[test]
    fn a_password_never_shows_in_a_log() {
        let password = Password::try_from("Secret123".to_owned()).unwrap();
        assert!(!format!("{password:?}").contains("Secret123"));
    }
}

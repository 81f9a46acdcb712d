//! The secret part of an id that gives access to something.

use std::{fmt, str::FromStr};

use ulid::Ulid;

/// 128 random bits, written as the 26 characters of a ULID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Secret(pub(crate) Ulid);

impl Secret {
    /// The number of characters.
    pub(crate) const LENGTH: usize = ulid::ULID_LEN;

    /// A new secret. The generator of its random bits is a cryptographic one, and the operating system seeds it (the
    /// crate `rand`, `ThreadRng`, "Security").
    pub(crate) fn generate() -> Self {
        Self(Ulid(rand::random()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The secret must not get into a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl FromStr for Secret {
    type Err = ();

    /// Accepts only the canonical spelling.
    fn from_str(text: &str) -> Result<Self, ()> {
        let secret = Self(Ulid::from_string(text).map_err(drop)?);
        (secret.to_string() == text).then_some(secret).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bits_of_a_secret_are_random() {
        let secrets: Vec<u128> = (0..200).map(|_| Secret::generate().0.0).collect();
        let (ones, zeros) = secrets.iter().fold((0, 0), |(ones, zeros), bits| (ones | bits, zeros | !bits));
        assert_eq!((ones, zeros), (u128::MAX, u128::MAX));
    }

    #[test]
    fn a_log_shows_no_secret() {
        assert_eq!(format!("{:?}", Secret::generate()), "…");
    }
}

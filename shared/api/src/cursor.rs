//! Where a list goes on.

use std::{fmt::Display, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::UserId;
use sha2::{Digest, Sha256};

use crate::Problem;

/// Makes and checks the cursors of one list: one user's, under one filter.
///
/// A cursor is the id of the last thing shown and a checksum over id, user and filter. It is no secret and
/// opens nothing, since a list only ever reads its caller's own key; the checksum tells a cursor of another
/// list, or a mangled one, from a place in this one.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    /// Whose list it is.
    pub user: &'a UserId,
    /// What the list is filtered by.
    pub filter: &'a str,
}

/// Enough to tell a mangled cursor from a whole one; it guards nothing.
const CHECKSUM_BYTES: usize = 6;

impl Cursor<'_> {
    /// The cursor that goes on after `id`.
    #[must_use]
    pub fn encode(&self, id: impl Display) -> String {
        let id = id.to_string();
        let mut bytes = self.checksum(&id).to_vec();
        bytes.extend_from_slice(id.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What the list goes on after.
    ///
    /// # Errors
    /// 400 `bad-cursor`
    pub fn decode<I: FromStr>(&self, text: &str) -> Result<I, Problem> {
        self.read(text).ok_or_else(Problem::bad_cursor)
    }

    fn read<I: FromStr>(&self, text: &str) -> Option<I> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (checksum, id) = bytes.split_at_checked(CHECKSUM_BYTES)?;
        let id = std::str::from_utf8(id).ok()?;
        (checksum == self.checksum(id)).then(|| id.parse().ok())?
    }

    fn checksum(&self, id: &str) -> [u8; CHECKSUM_BYTES] {
        let digest = Sha256::digest(format!("{id}/{}/{}", self.user, self.filter));
        let mut checksum = [0; CHECKSUM_BYTES];
        checksum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
        checksum
    }
}

#[cfg(test)]
mod tests {
    use domain::ImageId;

    use super::*;

    #[test]
    fn a_cursor_works_in_its_own_list_alone() {
        let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let list = Cursor { user: &alice, filter: "" };
        let id = ImageId::generate();
        let text = list.encode(id);
        assert_eq!(list.decode::<ImageId>(&text).unwrap(), id);
        for other in [Cursor { user: &bob, filter: "" }, Cursor { user: &alice, filter: "ready" }] {
            assert_eq!(other.decode::<ImageId>(&text).unwrap_err().code, "bad-cursor");
        }
        let mangled: String = text.chars().rev().collect();
        for forged in ["", "x", "AAAA", &text[1..], &mangled] {
            assert_eq!(list.decode::<ImageId>(forged).unwrap_err().code, "bad-cursor", "{forged}");
        }
    }
}

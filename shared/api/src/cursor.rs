//! Cursors of lists.

use std::{fmt::Display, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::UserId;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Problem;

/// The key that authenticates cursors.
///
/// It is the id of the CloudFormation stack, which ends in a UUID. Everyone who may describe the stack can read it, but
/// clients of the API cannot. This is secret enough: a forged cursor only selects another position in a list that the
/// caller can read anyway.
pub struct CursorKey(String);

impl CursorKey {
    /// The key in `CURSOR_KEY`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env() -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(aws::var("CURSOR_KEY")?))
    }

    /// This key.
    #[must_use]
    pub const fn new(key: String) -> Self {
        Self(key)
    }

    /// The cursors of one list: `list` names the endpoint, `user` is the caller, and `filter` is the caller's filter.
    #[must_use]
    pub fn of<'a>(&'a self, list: &'static str, user: &'a UserId, filter: &'a str) -> Cursor<'a> {
        Cursor { key: &self.0, list, user, filter }
    }
}

/// Encodes and verifies the cursors of one list, which belongs to one endpoint, one user and one filter.
///
/// A cursor contains the id of the last item of the page, and a truncated HMAC-SHA-256 of this id and the list.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    key: &'a str,
    list: &'static str,
    user: &'a UserId,
    filter: &'a str,
}

/// Half of the length of HMAC-SHA-256, which is the minimum that RFC 2104 (section 5) recommends.
const TAG_BYTES: usize = 16;

impl Cursor<'_> {
    /// The cursor of the page that begins after `id`.
    #[must_use]
    pub fn encode(&self, id: impl Display) -> String {
        let id = id.to_string();
        let tag = self.mac(&id).finalize().into_bytes();
        let mut bytes = tag[..TAG_BYTES].to_vec();
        bytes.extend_from_slice(id.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The id after which the page begins.
    ///
    /// # Errors
    /// 400 `bad-cursor`
    pub fn decode<I: FromStr>(&self, text: &str) -> Result<I, Problem> {
        self.read(text).ok_or_else(Problem::bad_cursor)
    }

    fn read<I: FromStr>(&self, text: &str) -> Option<I> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, id) = bytes.split_at_checked(TAG_BYTES)?;
        let id = std::str::from_utf8(id).ok()?;
        self.mac(id).verify_truncated_left(tag).ok()?;
        id.parse().ok()
    }

    fn mac(&self, id: &str) -> Hmac<Sha256> {
        // HMAC accepts keys of any length, so this fallback is never used.
        let mut mac =
            Hmac::new_from_slice(self.key.as_bytes()).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        for part in [self.list, self.user.as_str(), self.filter, id] {
            // The length prevents that text moves from one part to the next.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use domain::ImageId;

    use super::*;
    use crate::ProblemCode;

    #[test]
    fn a_cursor_works_in_its_own_list_alone() {
        let [alice, bob, salice] = ["alice", "bob", "salice"].map(|user| user.parse().unwrap());
        let (key, other_key) = (CursorKey("stack/1".to_owned()), CursorKey("stack/2".to_owned()));
        let list = key.of("images", &alice, "");
        let id = ImageId::generate();
        let text = list.encode(id);
        assert_eq!(list.decode::<ImageId>(&text).unwrap(), id);
        for (what, other) in [
            ("another user", key.of("images", &bob, "")),
            ("another filter", key.of("images", &alice, "ready")),
            ("another endpoint", key.of("imagesets", &alice, "")),
            ("a text that moved from one part to the next", key.of("image", &salice, "")),
            ("another key", other_key.of("images", &alice, "")),
        ] {
            assert_eq!(other.decode::<ImageId>(&text).unwrap_err().code, ProblemCode::BadCursor, "{what}");
        }
    }

    #[test]
    fn a_cursor_that_is_forged_in_the_right_shape_is_refused() {
        let (key, alice) = (CursorKey("stack/1".to_owned()), "alice".parse().unwrap());
        let list = key.of("images", &alice, "");
        let (id, other) = (ImageId::generate().to_string(), ImageId::generate().to_string());
        let good = BASE64_URL_SAFE_NO_PAD.decode(list.encode(&id)).unwrap();
        let (tag, _) = good.split_at(TAG_BYTES);
        let with = |tag: &[u8], id: &str| BASE64_URL_SAFE_NO_PAD.encode([tag, id.as_bytes()].concat());
        assert!(list.decode::<ImageId>(&with(tag, &id)).is_ok());
        for (what, forged) in [
            ("another id under the same tag", with(tag, &other)),
            ("a tag without the key", CursorKey(String::new()).of("images", &alice, "").encode(&id)),
            ("a shorter tag", with(&tag[..TAG_BYTES - 1], &id)),
            ("no tag", with(&[], &id)),
            ("a tag of zeros", with(&[0; TAG_BYTES], &id)),
            ("nothing", String::new()),
            ("another base", format!("{}=", with(tag, &id))),
        ] {
            assert_eq!(list.decode::<ImageId>(&forged).unwrap_err().code, ProblemCode::BadCursor, "{what}");
        }
    }
}

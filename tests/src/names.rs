//! Names for users and other things that a test makes.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
    time::SystemTime,
};

/// A unique name. It has at most 32 characters if `prefix` has at most four.
///
/// It begins with `DARKROOM_RUN`, if that is set: by this prefix, `cargo xtask test --stack` finds the users and tiers
/// that the tests have made.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let run = env::var("DARKROOM_RUN").unwrap_or_default();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{run}{prefix}-{:x}-{:x}", since.as_micros(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The e-mail address of a user of this name. It is one of the mailbox simulator of Amazon SES, because mail to
/// `example.com` would bounce and count against the account ("Using the mailbox simulator in Amazon SES").
#[must_use]
pub fn email_of(username: &str) -> String {
    format!("success+{username}@simulator.amazonses.com")
}

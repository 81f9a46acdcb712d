//! The caller's profile in responses.

use api::{Caller, UsageBody};
use domain::{Profile, TierId, Timestamp, UserId};
use serde::Serialize;

use crate::Account;

/// The caller with tier and usage.
#[derive(Serialize)]
pub struct ProfileBody {
    id: UserId,
    username: String,
    email: Option<String>,
    email_verified: bool,
    pending_email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    totp: bool,
    groups: Vec<String>,
    tier: TierId,
    usage: UsageBody,
    features: Features,
    contact_url: Option<String>,
}

/// The features of this deployment. The caller's tier decides whether the caller may use them.
#[derive(Serialize)]
struct Features {
    ai: bool,
    dropbox: bool,
}

impl ProfileBody {
    /// A profile whose usage is current. `pending_email` is a new address that waits for its code.
    #[must_use]
    pub fn new(
        caller: Caller,
        account: Account,
        pending_email: Option<String>,
        profile: &Profile,
        now: Timestamp,
    ) -> Self {
        // The item of a confirmed address can remain for a while.
        let pending_email = pending_email.filter(|pending| Some(pending) != account.email.as_ref());
        Self {
            id: caller.user,
            username: caller.username,
            email: account.email,
            email_verified: account.email_verified,
            pending_email,
            first_name: account.first_name,
            last_name: account.last_name,
            totp: account.totp,
            groups: caller.groups,
            tier: profile.tier.clone(),
            usage: UsageBody::new(&profile.usage, now),
            features: Features { ai: api::ai_is_configured(), dropbox: api::dropbox_is_configured() },
            contact_url: aws::optional_var("CONTACT_URL"),
        }
    }
}

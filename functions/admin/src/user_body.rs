//! Users in responses.

use domain::{Profile, TierId, Timestamp, UserId};
use serde::Serialize;

use crate::PoolUser;

/// A user with tier and usage.
#[derive(Debug, Serialize)]
pub struct UserBody {
    id: UserId,
    username: String,
    email: Option<String>,
    email_verified: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    enabled: bool,
    admin: bool,
    status: String,
    created_at: Timestamp,
    tier: TierId,
    usage: UsageBody,
}

/// The usage that the profile stores exactly. To know the rest, each user's items would have to be counted.
#[derive(Debug, Serialize)]
struct UsageBody {
    images: u64,
    bytes: u64,
}

impl UserBody {
    /// The body of a user.
    #[must_use]
    pub fn new(user: PoolUser, is_admin: bool, profile: Profile) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            email_verified: user.email_verified,
            first_name: user.first_name,
            last_name: user.last_name,
            enabled: user.enabled,
            admin: is_admin,
            status: user.status,
            created_at: user.created_at,
            tier: profile.tier,
            usage: UsageBody { images: profile.usage.images, bytes: profile.usage.bytes },
        }
    }
}

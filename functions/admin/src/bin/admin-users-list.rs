//! `GET /api/admin/users`: returns a page of all users, with tier and usage.

use std::collections::HashMap;

use admin::{Pool, PoolUser};
use api::{Caller, CursorKey, Error, Query, Reply, Request, StatusCode};
use domain::{Profile, TierId, Timestamp, UserId};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let key = CursorKey::from_env()?;
    api::serve(|request| list(&pool, &records, &key, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody {
    users: Vec<UserBody>,
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
struct UserBody {
    id: UserId,
    username: String,
    email: Option<String>,
    enabled: bool,
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

async fn list(pool: &Pool, records: &Records, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let limit = query.limit_to(Pool::MAX_LIMIT)?;
    let cursor = key.of("users", &caller.user, "");
    let (users, token) = pool.users(limit, query.cursor(&cursor)?).await?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
    let (profiles, default) = tokio::try_join!(records.profiles(&ids), records.default_tier())?;
    let mut profiles: HashMap<UserId, Profile> = profiles.into_iter().collect();
    let users = users.into_iter().map(|user| {
        let profile = profiles.remove(&user.id).unwrap_or_else(|| Profile::new(default.clone()));
        UserBody::new(user, profile)
    });
    let body = PageBody { users: users.collect(), next_cursor: token.map(|token| cursor.encode(token)) };
    api::json(StatusCode::OK, &body)
}

impl UserBody {
    fn new(user: PoolUser, profile: Profile) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            enabled: user.enabled,
            status: user.status,
            created_at: user.created_at,
            tier: profile.tier,
            usage: UsageBody { images: profile.usage.images, bytes: profile.usage.bytes },
        }
    }
}

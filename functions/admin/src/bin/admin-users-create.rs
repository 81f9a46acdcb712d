//! `POST /api/admin/users`: creates a user. Cognito sends a temporary password by e-mail, which the user has to change at
//! the first login.

use admin::{AuditTrail, Pool, UserBody, mark_failure, present_fields, require_admin};
use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Email, NewUsername};
use domain::{AuditAction, AuditDetails, AuditEntry, Profile, Tier, TierId, Timestamp};
use serde::Deserialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| create(&pool, &records, &audit, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: NewUsername,
    email: Email,
    tier: Option<TierId>,
    #[serde(default)]
    admin: bool,
}

async fn create(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let body: Body = api::body(&request)?;
    let details = AuditDetails {
        fields: present_fields([
            ("username", true),
            ("email", true),
            ("tier", body.tier.is_some()),
            ("admin", body.admin),
        ]),
        tier: body.tier.clone(),
        enabled: None,
        admin: body.admin.then_some(true),
    };
    let entry = audit.user(&caller, AuditAction::CreateUser, None, details);
    let tier = tier(records, body.tier.as_ref());
    let (allowed, tier, recorded) =
        tokio::join!(require_admin(pool, &caller), tier, records.record_audit(&entry));
    recorded?;
    let created = async {
        allowed?;
        create_user(pool, records, &body, tier?, &entry, domain::now()).await
    };
    let user = mark_failure(records, &entry, created.await).await?;
    api::json(StatusCode::CREATED, &user)
}

/// The tier of the new user. `None` if there is no such tier.
async fn tier(records: &Records, id: Option<&TierId>) -> Result<Option<Tier>, Problem> {
    Ok(match id {
        Some(id) => records.tier(id).await?,
        None => Some(records.default_tier().await?),
    })
}

async fn create_user(
    pool: &Pool,
    records: &Records,
    body: &Body,
    tier: Option<Tier>,
    entry: &AuditEntry,
    now: Timestamp,
) -> Result<UserBody, Problem> {
    let tier = tier.ok_or_else(|| Problem::invalid_field("tier", "tier: there is no such tier"))?;
    let user = pool.create(&body.username, &body.email).await?;
    let named = async { records.audit_created(entry.id, &user.id).await.map_err(Problem::from) };
    let moved = async {
        // Users without a profile are in the tier of new users.
        if body.tier.is_none() || records.set_tier(&user.id, &tier, now).await? {
            return Ok(());
        }
        let detail =
            "The user was created, but the tier was changed at the same time. Set the user's tier again.";
        Err(Problem::new(ProblemCode::TierChanged, detail))
    };
    let promoted = async { if body.admin { pool.set_admin(&user.username, true).await } else { Ok(()) } };
    tokio::try_join!(named, moved, promoted)?;
    Ok(UserBody::new(user, body.admin, Profile::new(tier)))
}

//! `PATCH /api/admin/users/{id}`: changes a user's e-mail address, names, tier and rights.

use admin::{
    AuditTrail, Pool, PoolUser, UserBody, mark_failure, present_admins, present_fields, unless_last_admin,
};
use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Email, PersonName};
use domain::{AuditAction, AuditDetails, Tier, TierId, UserId};
use serde::Deserialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| update(&pool, &records, &audit, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    email: Option<Email>,
    #[serde(default, deserialize_with = "api::nullable")]
    first_name: Option<Option<PersonName>>,
    #[serde(default, deserialize_with = "api::nullable")]
    last_name: Option<Option<PersonName>>,
    enabled: Option<bool>,
    admin: Option<bool>,
    tier: Option<TierId>,
}

async fn update(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id: UserId = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    let details = body.details();
    let entry = audit.user(&caller, AuditAction::UpdateUser, Some(&id), details);
    let changes = !entry.details.fields.is_empty();
    let tier = async {
        match &body.tier {
            Some(tier) => records.tier(tier).await,
            None => Ok(None),
        }
    };
    let found = async { tokio::try_join!(pool.user(&id), tier) };
    let free = async {
        match &body.email {
            Some(email) => pool.require_free(email, &id).await,
            None => Ok(()),
        }
    };
    let recorded = async { if changes { records.record_audit(&entry).await } else { Ok(()) } };
    let (admins, found, free, recorded) = tokio::join!(present_admins(pool, &caller), found, free, recorded);
    recorded?;
    let changed = async {
        let is_admin = admins?.iter().any(|admin| admin.id == id);
        let (user, tier) = found?;
        let user = user.ok_or_else(Problem::not_found)?;
        free?;
        change(pool, records, &caller, &body, user, is_admin, tier).await
    };
    let changed = changed.await;
    let user = if changes { mark_failure(records, &entry, changed).await? } else { changed? };
    let (user, is_admin) = user;
    let profile = records.profile_or_default(&id).await?;
    api::json(StatusCode::OK, &UserBody::new(user, is_admin, profile))
}

/// Makes the changes. First those that are refused most often, so that a refused request usually changes nothing.
/// `is_admin` says whether the user is an admin before the changes. Returns the user, and whether the user is an admin
/// afterwards.
async fn change(
    pool: &Pool,
    records: &Records,
    caller: &Caller,
    body: &Body,
    mut user: PoolUser,
    is_admin: bool,
    tier: Option<Tier>,
) -> Result<(PoolUser, bool), Problem> {
    if body.tier.is_some() && tier.is_none() {
        return Err(Problem::invalid_field("tier", "tier: there is no such tier"));
    }
    let attributes = body.attributes();
    if !attributes.is_empty() {
        pool.set_attributes(&user.username, &attributes).await?;
    }
    let moved = async {
        match &tier {
            Some(tier) if !records.set_tier(&user.id, tier, domain::now()).await? => {
                let detail = "Another request changed this tier at the same time. Try again.";
                Err(Problem::new(ProblemCode::TierChanged, detail))
            }
            _ => Ok(()),
        }
    };
    // Both end, also if one fails. Otherwise the lock of the admins could stay, and sessions could go on.
    let (moved, rights) = tokio::join!(moved, set_rights(pool, records, caller, body, &user, is_admin));
    moved?;
    rights?;
    body.apply_to(&mut user);
    Ok((user, body.admin.unwrap_or(is_admin)))
}

/// Enables or disables the user, and changes the group. A user who loses rights has to log in again, because the old
/// tokens still name the group. A request that takes rights away needs the lock of the admins, also if nothing seems to
/// change: Cognito's lists can lag behind the last change.
async fn set_rights(
    pool: &Pool,
    records: &Records,
    caller: &Caller,
    body: &Body,
    user: &PoolUser,
    is_admin: bool,
) -> Result<(), Problem> {
    let is_demoted = body.admin == Some(false) && is_admin;
    let apply = async || {
        if is_demoted {
            // Also before the change: if a later call fails, a repeated request no longer finds an admin.
            pool.sign_out(&user.username).await?;
        }
        if let Some(is_admin) = body.admin {
            pool.set_admin(&user.username, is_admin).await?;
        }
        match body.enabled {
            Some(true) => pool.enable(&user.username).await?,
            Some(false) => pool.disable(&user.username).await?,
            None => {}
        }
        let ends_sessions = is_demoted || body.enabled == Some(false);
        if ends_sessions { pool.sign_out(&user.username).await } else { Ok(()) }
    };
    let takes_rights = body.enabled == Some(false) || body.admin == Some(false);
    if takes_rights { unless_last_admin(pool, records, caller, &user.id, apply).await } else { apply().await }
}

impl Body {
    fn details(&self) -> AuditDetails {
        AuditDetails {
            fields: present_fields([
                ("email", self.email.is_some()),
                ("first_name", self.first_name.is_some()),
                ("last_name", self.last_name.is_some()),
                ("enabled", self.enabled.is_some()),
                ("admin", self.admin.is_some()),
                ("tier", self.tier.is_some()),
            ]),
            tier: self.tier.clone(),
            enabled: self.enabled,
            admin: self.admin,
        }
    }

    /// The attributes to set. An empty value removes one.
    fn attributes(&self) -> Vec<(&'static str, &str)> {
        let mut attributes = Vec::new();
        if let Some(email) = &self.email {
            // With `email_verified`, the address counts at once and the user gets no code ("AdminUpdateUserAttributes",
            // Amazon Cognito API Reference).
            attributes.extend([("email", email.as_str()), ("email_verified", "true")]);
        }
        for (attribute, name) in [("given_name", &self.first_name), ("family_name", &self.last_name)] {
            if let Some(name) = name {
                attributes.push((attribute, name.as_ref().map_or("", PersonName::as_str)));
            }
        }
        attributes
    }

    /// The user after the change.
    fn apply_to(&self, user: &mut PoolUser) {
        if let Some(email) = &self.email {
            (user.email, user.email_verified) = (Some(email.as_str().to_owned()), true);
        }
        for (before, name) in
            [(&mut user.first_name, &self.first_name), (&mut user.last_name, &self.last_name)]
        {
            if let Some(name) = name {
                *before = name.as_ref().map(|name| name.as_str().to_owned());
            }
        }
        user.enabled = self.enabled.unwrap_or(user.enabled);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, item, ok, pool_user, profile, tier};

    use super::*;

    const OTHER: &str = "another-user";

    /// The response to a change of the user with this id, and the calls.
    async fn changed(aws: &FakeAws, id: &str, body: &Value) -> (Answer, Vec<String>) {
        let request = TestRequest::new("PATCH").admin().path("id", id).json(body).build();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let answer = update(&pool, &aws.records(), &AuditTrail::new(400), request).await.into();
        (answer, aws.operations())
    }

    /// Changes the caller's address, which is an alias of the user with this id. These users are admins.
    async fn answer(holder: &str, admins: &[&str]) -> (Answer, Vec<String>) {
        let attributes = json!([{"Name": "sub", "Value": holder}]);
        let aws = FakeAws::new([
            admins_are(admins),
            ok("ListUsers", json!({"Users": [pool_user(USER)]})),
            ok("AdminGetUser", json!({"Username": holder, "UserAttributes": attributes})),
            ok("PutItem", json!({})),
            ok("UpdateItem", json!({})),
            ok("AdminUpdateUserAttributes", json!({})),
            ok("GetItem", item(&profile(tier()))),
        ]);
        changed(&aws, USER, &json!({"email": "ann@example.com"})).await
    }

    fn admins_are(ids: &[&str]) -> (&'static str, u16, Value) {
        let admins: Vec<Value> = ids.iter().map(|id| pool_user(id)).collect();
        ok("ListUsersInGroup", json!({"Users": admins}))
    }

    fn writes(calls: &[String]) -> bool {
        calls.iter().any(|call| call == "AdminUpdateUserAttributes")
    }

    #[tokio::test]
    async fn the_address_of_another_user_is_refused_before_any_change() {
        let (taken, calls) = answer(OTHER, &[USER]).await;
        assert_eq!((taken.status, &taken.body["code"]), (409, &json!("email-taken")));
        assert!(!writes(&calls), "{calls:?}");
        // The user's own address in another case.
        let (own, calls) = answer(USER, &[USER]).await;
        assert_eq!(own.status, 200);
        assert!(writes(&calls), "{calls:?}");
    }

    #[tokio::test]
    async fn a_removed_admin_changes_nothing_and_the_entry_is_marked() {
        let (refused, calls) = answer(USER, &[OTHER]).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("admins-only")));
        assert!(!writes(&calls), "{calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("UpdateItem"));
    }

    #[tokio::test]
    async fn a_disabled_user_is_signed_out_under_the_lock_of_the_admins() {
        let aws = FakeAws::new([
            admins_are(&[USER, OTHER]),
            ok("ListUsers", json!({"Users": [pool_user(OTHER)]})),
            ok("PutItem", json!({})),
            ok("PutItem", json!({})),
            admins_are(&[USER, OTHER]),
            ok("AdminDisableUser", json!({})),
            ok("AdminUserGlobalSignOut", json!({})),
            ok("DeleteItem", json!({})),
            ok("GetItem", item(&profile(tier()))),
        ]);
        let (answer, calls) = changed(&aws, OTHER, &json!({"enabled": false})).await;
        assert_eq!((answer.status, &answer.body["id"]), (200, &json!(OTHER)));
        assert_eq!((&answer.body["enabled"], &answer.body["admin"]), (&json!(false), &json!(true)));
        let expected = [
            "PutItem",
            "ListUsersInGroup",
            "AdminDisableUser",
            "AdminUserGlobalSignOut",
            "DeleteItem",
            "GetItem",
        ];
        assert_eq!(calls[calls.len() - expected.len()..], expected);
    }

    /// The calls of a change of another user. The audit entry, the lock and its release are the other writes.
    async fn calls_of(user: Value, admins: &[&str], body: Value, changes: &[&'static str]) -> Vec<String> {
        let usual = [
            admins_are(admins),
            ok("ListUsers", json!({"Users": [user]})),
            ok("PutItem", json!({})),
            ok("PutItem", json!({})),
            admins_are(admins),
        ];
        let changes = changes.iter().map(|operation| ok(operation, json!({})));
        let last = [ok("DeleteItem", json!({})), ok("GetItem", item(&profile(tier())))];
        let aws = FakeAws::new(usual.into_iter().chain(changes).chain(last));
        let (answer, calls) = changed(&aws, OTHER, &body).await;
        assert_eq!(answer.status, 200);
        calls
    }

    #[tokio::test]
    async fn a_user_who_is_no_admin_keeps_the_sessions_when_the_group_does_not_change() {
        let removal = "AdminRemoveUserFromGroup";
        let calls = calls_of(pool_user(OTHER), &[USER], json!({"admin": false}), &[removal]).await;
        assert!(!calls.iter().any(|call| call == "AdminUserGlobalSignOut"), "{calls:?}");
    }

    #[tokio::test]
    async fn an_admin_who_leaves_the_group_is_signed_out_before_and_after() {
        let changes = ["AdminUserGlobalSignOut", "AdminRemoveUserFromGroup", "AdminUserGlobalSignOut"];
        let calls = calls_of(pool_user(OTHER), &[USER, OTHER], json!({"admin": false}), &changes).await;
        assert_eq!(calls[calls.len() - 5..calls.len() - 2], changes);
    }

    #[tokio::test]
    async fn a_repeated_request_signs_a_disabled_user_out() {
        let mut disabled = pool_user(OTHER);
        disabled["Enabled"] = json!(false);
        let changes = ["AdminDisableUser", "AdminUserGlobalSignOut"];
        let calls = calls_of(disabled, &[USER], json!({"enabled": false}), &changes).await;
        assert_eq!(calls[calls.len() - 4..calls.len() - 2], changes);
    }

    #[tokio::test]
    async fn a_tier_that_does_not_exist_is_refused_before_any_change() {
        let aws = FakeAws::new([
            admins_are(&[USER]),
            ok("ListUsers", json!({"Users": [pool_user(OTHER)]})),
            ok("GetItem", json!({})),
            ok("PutItem", json!({})),
            ok("UpdateItem", json!({})),
        ]);
        let body = json!({"tier": "gold", "first_name": "Ann"});
        let (answer, calls) = changed(&aws, OTHER, &body).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("tier")));
        assert!(!writes(&calls), "{calls:?}");
        assert_eq!(calls.last().map(String::as_str), Some("UpdateItem"));
    }

    #[tokio::test]
    async fn a_request_that_changes_nothing_leaves_no_entry() {
        let aws = FakeAws::new([
            admins_are(&[USER]),
            ok("ListUsers", json!({"Users": [pool_user(OTHER)]})),
            ok("GetItem", item(&profile(tier()))),
        ]);
        let (answer, calls) = changed(&aws, OTHER, &json!({})).await;
        assert_eq!((answer.status, &answer.body["tier"]), (200, &json!("basic")));
        assert!(!calls.iter().any(|call| call == "PutItem"), "{calls:?}");
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, item, ok, pool_user, tier};

    use super::*;

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let request = TestRequest::new("POST").admin().json(body).build();
        create(&pool, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    /// The responses to the calls before the creation, if this user is the only admin, and then these.
    fn aws<const N: usize>(admin: &str, tier: Value, more: [(&'static str, u16, Value); N]) -> FakeAws {
        let usual = [
            ok("ListUsersInGroup", json!({"Users": [pool_user(admin)]})),
            ok("GetItem", tier),
            ok("PutItem", json!({})),
            ok("UpdateItem", json!({})),
        ];
        FakeAws::new(usual.into_iter().chain(more))
    }

    fn created() -> (&'static str, u16, Value) {
        let attributes = json!([
            {"Name": "sub", "Value": "bobs-id"},
            {"Name": "email", "Value": "bob@example.com"},
            {"Name": "email_verified", "Value": "true"},
        ]);
        let user = json!({
            "Username": "bob", "Enabled": true, "UserStatus": "FORCE_CHANGE_PASSWORD", "Attributes": attributes,
        });
        ok("AdminCreateUser", json!({"User": user}))
    }

    fn bob() -> Value {
        json!({"username": "bob", "email": "bob@example.com"})
    }

    /// The inputs of the calls of an operation.
    fn inputs(aws: &FakeAws, operation: &str) -> Vec<Value> {
        let calls = aws.calls().into_iter().filter(|(called, _)| called == operation);
        calls.map(|(_, input)| input).collect()
    }

    #[tokio::test]
    async fn a_new_user_is_in_the_tier_of_new_users_and_no_admin() {
        let aws = aws(USER, item(&tier()), [created()]);
        insta::assert_json_snapshot!(answer(&aws, &bob()).await, @r#"
        {
          "status": 201,
          "body": {
            "admin": false,
            "created_at": "1970-01-01T00:00:00Z",
            "email": "bob@example.com",
            "email_verified": true,
            "enabled": true,
            "first_name": null,
            "id": "bobs-id",
            "last_name": null,
            "status": "FORCE_CHANGE_PASSWORD",
            "tier": "basic",
            "usage": {
              "bytes": 0,
              "images": 0
            },
            "username": "bob"
          }
        }
        "#);
        assert!(inputs(&aws, "TransactWriteItems").is_empty());
        assert!(inputs(&aws, "AdminAddUserToGroup").is_empty());
    }

    #[tokio::test]
    async fn the_entry_names_the_fields_and_the_new_user_and_contains_no_personal_data() {
        let aws = aws(USER, item(&tier()), [created()]);
        assert_eq!(answer(&aws, &bob()).await.status, 201);
        let entry = &inputs(&aws, "PutItem")[0]["Item"];
        assert_eq!(entry["action"], json!({"S": "create-user"}));
        assert_eq!(entry["details"]["M"]["fields"], json!({"L": [{"S": "username"}, {"S": "email"}]}));
        assert!(!entry.to_string().contains("bob"), "{entry}");
        let named = &inputs(&aws, "UpdateItem")[0];
        assert_eq!(named["UpdateExpression"], "SET #target.#id = :v0");
        assert_eq!(named["ExpressionAttributeValues"], json!({":v0": {"S": "bobs-id"}}));
    }

    #[tokio::test]
    async fn a_new_admin_in_another_tier_is_moved_and_joins_the_group() {
        let mut premium = tier();
        premium["id"] = json!("premium");
        let more = [created(), ok("TransactWriteItems", json!({})), ok("AdminAddUserToGroup", json!({}))];
        let aws = aws(USER, item(&premium), more);
        let mut body = bob();
        (body["tier"], body["admin"]) = (json!("premium"), json!(true));
        let answer = answer(&aws, &body).await;
        assert_eq!(answer.status, 201);
        assert_eq!((&answer.body["tier"], &answer.body["admin"]), (&json!("premium"), &json!(true)));
        assert_eq!(inputs(&aws, "GetItem")[0]["Key"]["sk"], json!({"S": "TIER#premium"}));
        let joined = &inputs(&aws, "AdminAddUserToGroup")[0];
        assert_eq!((&joined["GroupName"], &joined["Username"]), (&json!("admin"), &json!("bob")));
    }

    #[tokio::test]
    async fn a_tier_that_does_not_exist_is_refused_before_the_creation_and_the_entry_is_marked() {
        let aws = aws(USER, json!({}), []);
        let mut body = bob();
        body["tier"] = json!("gold");
        insta::assert_json_snapshot!(answer(&aws, &body).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "tier: there is no such tier",
            "field": "tier",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
        assert!(inputs(&aws, "AdminCreateUser").is_empty());
        let values = inputs(&aws, "UpdateItem")[0]["ExpressionAttributeValues"].to_string();
        assert!(values.contains("failed") && values.contains("invalid-field"), "{values}");
    }

    #[tokio::test]
    async fn a_removed_admin_creates_nobody_and_the_entry_is_marked() {
        let aws = aws("another", item(&tier()), []);
        let answer = answer(&aws, &bob()).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(inputs(&aws, "AdminCreateUser").is_empty());
        assert_eq!(inputs(&aws, "UpdateItem").len(), 1);
    }

    #[tokio::test]
    async fn an_invalid_name_or_address_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        for (body, field) in [
            (json!({"username": "bob@example.com", "email": "bob@example.com"}), "username"),
            (json!({"username": "bob", "email": "bob"}), "email"),
            (json!({"username": "bob"}), "email"),
        ] {
            let answer = answer(&aws, &body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{body}");
        }
        assert!(aws.calls().is_empty());
    }
}

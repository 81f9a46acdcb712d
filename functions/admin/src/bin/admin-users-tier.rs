//! `PUT /api/admin/users/{id}/tier`: moves a user to a tier. The user keeps all images, even if they exceed the
//! new limits.

use admin::{AuditTrail, Pool, require_admin};
use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use domain::{AuditAction, AuditDetails, TierId, UserId};
use serde::{Deserialize, Serialize};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| put(&pool, &records, &audit, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tier: TierId,
}

#[derive(Debug, Serialize)]
struct UserTierBody {
    id: UserId,
    tier: TierId,
}

async fn put(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let user: UserId = api::path_id(&request)?;
    let Body { tier } = api::body(&request)?;
    let read = async { tokio::try_join!(pool.user(&user), records.tier(&tier)).map_err(Problem::from) };
    let ((), (known, found)) = tokio::try_join!(require_admin(pool, &caller), read)?;
    if known.is_none() {
        return Err(Problem::not_found());
    }
    let Some(found) = found else {
        return Err(Problem::invalid_field("tier", format!("tier: there is no tier {tier}")));
    };
    let details =
        AuditDetails { fields: vec!["tier".to_owned()], tier: Some(tier.clone()), ..AuditDetails::default() };
    let entry = audit.user(&caller, AuditAction::UpdateUser, Some(&user), details);
    if records.set_tier_audited(&user, &found, &entry, domain::now()).await? {
        api::json(StatusCode::OK, &UserTierBody { id: user, tier })
    } else {
        let detail = "Another request changed this tier at the same time. Try again.";
        Err(Problem::new(ProblemCode::TierChanged, detail))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, item, ok, pool_user, tier};

    use super::*;

    async fn answer(users: Value, tier: Value) -> Answer {
        let aws = FakeAws::new([
            ok("ListUsersInGroup", json!({"Users": [pool_user(USER)]})),
            ok("ListUsers", json!({"Users": users})),
            ok("GetItem", tier),
        ]);
        let request = TestRequest::new("PUT").admin().path("id", USER).json(&json!({"tier": "premium"}));
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        put(&pool, &aws.records(), &AuditTrail::new(400), request.build()).await.into()
    }

    #[tokio::test]
    async fn an_unknown_user_or_tier_is_refused_before_any_write() {
        insta::assert_json_snapshot!(answer(json!([]), item(&tier())).await, @r#"
        {
          "status": 404,
          "body": {
            "code": "not-found",
            "detail": "There is nothing at this address.",
            "status": 404,
            "title": "Not Found",
            "type": "urn:darkroom:problem:not-found"
          }
        }
        "#);
        insta::assert_json_snapshot!(answer(json!([pool_user(USER)]), json!({})).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "tier: there is no tier premium",
            "field": "tier",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}

//! `DELETE /api/admin/account-tiers/{id}`: deletes a tier without users.

use admin::{AuditTrail, Pool, require_admin};
use api::{Caller, Error, Problem, ProblemCode, Reply, Request};
use domain::{AuditAction, TierId};
use store::{DeleteTierError, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| delete(&pool, &records, &audit, request)).await
}

async fn delete(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = TierId::try_from(api::path(&request, "id").to_owned()).map_err(|_| Problem::not_found())?;
    if id == TierId::default_for_new_users() {
        let detail = "New users get this tier, so it cannot be deleted.";
        return Err(Problem::new(ProblemCode::TierIsDefault, detail));
    }
    require_admin(pool, &caller).await?;
    match records.delete_tier(&id, &audit.tier(&caller, AuditAction::DeleteTier, &id)).await {
        Ok(()) => api::no_content(),
        Err(DeleteTierError::NotFound) => Err(Problem::not_found()),
        Err(DeleteTierError::InUse) => {
            let detail = "Some users are in this tier. Move them to another tier first.";
            Err(Problem::new(ProblemCode::TierInUse, detail))
        }
        Err(DeleteTierError::Call(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, ok, pool_user};

    use super::*;

    async fn answer(aws: &FakeAws, request: TestRequest, tier: &str) -> Answer {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        delete(&pool, &aws.records(), &AuditTrail::new(400), request.path("id", tier).build()).await.into()
    }

    /// The caller is in the group of admins.
    fn admins() -> (&'static str, u16, Value) {
        ok("ListUsersInGroup", json!({"Users": [pool_user(USER)]}))
    }

    #[tokio::test]
    async fn the_tier_of_new_users_cannot_be_deleted() {
        let aws = FakeAws::new([]);
        insta::assert_json_snapshot!(answer(&aws, TestRequest::new("DELETE").admin(), "basic").await, @r#"
        {
          "status": 409,
          "body": {
            "code": "tier-is-default",
            "detail": "New users get this tier, so it cannot be deleted.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:tier-is-default"
          }
        }
        "#);
        assert!(aws.calls().is_empty());
    }

    /// A user who was in the tier premium today, and is in `tier` now.
    fn joined(tier: &str) -> [(&'static str, u16, Value); 4] {
        let key = json!({"pk": {"S": "TIER_JOINS"}, "sk": {"S": "premium#user-1"}});
        let counter = json!({"pk": {"S": "TIER_JOINS"}, "sk": {"S": "premium#"}, "moves": {"N": "4"}});
        let mut profile = test_support::profile(test_support::tier());
        (profile["pk"], profile["tier"]) = (json!("USER#user-1"), json!(tier));
        let profile = test_support::item(&profile)["Item"].take();
        [
            admins(),
            ok("Query", json!({"Items": []})),
            ok("Query", json!({"Items": [counter, key]})),
            ok("BatchGetItem", json!({"Responses": {"table": [profile]}})),
        ]
    }

    #[tokio::test]
    async fn a_tier_stays_if_a_user_is_in_it_whom_the_index_does_not_show() {
        let aws = FakeAws::new(joined("premium"));
        let answer = answer(&aws, TestRequest::new("DELETE").admin(), "premium").await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("tier-in-use")));
    }

    #[tokio::test]
    async fn a_tier_stays_if_a_user_joins_it_during_its_deletion() {
        let reasons = json!([{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]);
        let refused = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "no",
            "CancellationReasons": reasons,
        });
        let mut prepared = joined("basic").to_vec();
        prepared.push(("TransactWriteItems", 400, refused));
        let aws = FakeAws::new(prepared);
        let answer = answer(&aws, TestRequest::new("DELETE").admin(), "premium").await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("tier-in-use")));
        // The counter of moves must not have changed since the users were read.
        let (_, input) = aws.calls().pop().unwrap();
        let counter = &input["TransactItems"][1]["Delete"];
        assert_eq!(counter["Key"]["sk"], json!({"S": "premium#"}));
        assert_eq!(counter["ExpressionAttributeValues"], json!({":v0": {"N": "4"}}));
    }

    #[tokio::test]
    async fn only_an_admin_may_delete_a_tier() {
        let aws = FakeAws::new([]);
        insta::assert_json_snapshot!(answer(&aws, TestRequest::new("DELETE"), "premium").await, @r#"
        {
          "status": 403,
          "body": {
            "code": "admins-only",
            "detail": "Only admins may do this.",
            "status": 403,
            "title": "Forbidden",
            "type": "urn:darkroom:problem:admins-only"
          }
        }
        "#);
        assert!(aws.calls().is_empty());
    }
}

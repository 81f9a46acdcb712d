//! `DELETE /api/admin/imagesets/{id}`: deletes an image set of any user, and the images in its slots.

use admin::{AuditTrail, Pool, require_admin};
use api::{Caller, Error, Problem, Reply, Request};
use domain::AuditAction;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| delete(&pool, &records, &audit, request)).await
}

async fn delete(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let found = async { records.admin_set(id).await.map_err(Problem::from) };
    let ((), owned) = tokio::try_join!(require_admin(pool, &caller), found)?;
    let owned = owned.ok_or_else(Problem::not_found)?;
    let entry = audit.imageset(&caller, AuditAction::DeleteImageset, &owned, Vec::new());
    api::deleted(records.delete_set(&owned.user, id, true, Some(&entry), domain::now()).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, SET_ID, TestRequest, USER, item, items, ok, pool_user, profile, set, tier,
    };

    use super::*;

    /// A set without images.
    fn titled_set() -> Value {
        let mut set = set(&json!({}));
        set["title"] = json!("By the sea");
        set
    }

    /// The caller deletes a set without images while this user is the only admin. `more` are the responses to the
    /// deletion.
    async fn answer(admin: &str, more: Vec<(&'static str, u16, Value)>) -> (Answer, FakeAws) {
        let first = [
            ok("ListUsersInGroup", json!({"Users": [pool_user(admin)]})),
            ok("Query", items(&[titled_set()])),
        ];
        let aws = FakeAws::new(first.into_iter().chain(more));
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let request = TestRequest::new("DELETE").admin().path("id", SET_ID).build();
        let answer = delete(&pool, &aws.records(), &AuditTrail::new(400), request).await.into();
        (answer, aws)
    }

    #[tokio::test]
    async fn the_deletion_and_its_audit_entry_are_one_transaction() {
        let mut profile = profile(tier());
        profile["sets"] = json!(1);
        let reads = [item(&titled_set()), item(&profile)].map(|found| ok("GetItem", found));
        let more = reads.into_iter().chain([ok("TransactWriteItems", json!({}))]);
        let (answer, aws) = answer(USER, more.collect()).await;
        assert_eq!(answer.status, 204);
        let (_, written) = aws.calls().pop().unwrap();
        let mut puts = written["TransactItems"].as_array().unwrap().iter().map(|item| &item["Put"]["Item"]);
        let entry = puts.find(|item| item["action"].is_object()).unwrap();
        assert_eq!(entry["action"], json!({"S": "delete-imageset"}), "{written}");
        // The set is gone afterwards, so the entry says what it was and whose.
        let (id, owner, name) = (json!({"S": SET_ID}), json!({"S": USER}), json!({"S": "By the sea"}));
        let target = json!({"kind": {"S": "imageset"}, "id": id, "owner": owner, "name": name});
        assert_eq!(entry["target"], json!({"M": target}));
    }

    #[tokio::test]
    async fn the_token_of_a_removed_admin_deletes_nothing() {
        let (answer, aws) = answer("another", Vec::new()).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(!aws.operations().contains(&"TransactWriteItems".to_owned()));
    }
}

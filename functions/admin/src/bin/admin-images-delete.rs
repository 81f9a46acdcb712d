//! `DELETE /api/admin/images/{id}`: deletes an image of any user.

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
    let (id, now) = (api::path_id(&request)?, domain::now());
    let found = async { records.admin_image(id, now).await.map_err(Problem::from) };
    let ((), owned) = tokio::try_join!(require_admin(pool, &caller), found)?;
    let owned = owned.ok_or_else(Problem::not_found)?;
    let entry = audit.image(&caller, AuditAction::DeleteImage, &owned, Vec::new());
    api::deleted(records.delete_image_audited(&owned.user, &owned.image, &entry, now).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, items, ok, pool_user, ready_image};

    use super::*;

    /// The caller deletes an image while this user is the only admin. `more` are the responses to the
    /// deletion.
    async fn answer(admin: &str, more: Vec<(&'static str, u16, Value)>) -> (Answer, FakeAws) {
        let first = [
            ok("ListUsersInGroup", json!({"Users": [pool_user(admin)]})),
            ok("Query", items(&[ready_image()])),
        ];
        let aws = FakeAws::new(first.into_iter().chain(more));
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let request = TestRequest::new("DELETE").admin().path("id", IMAGE_ID).build();
        let answer = delete(&pool, &aws.records(), &AuditTrail::new(400), request).await.into();
        (answer, aws)
    }

    #[tokio::test]
    async fn the_deletion_and_its_audit_entry_are_one_transaction() {
        let (answer, aws) = answer(USER, vec![ok("TransactWriteItems", json!({}))]).await;
        assert_eq!(answer.status, 204);
        let (_, written) = aws.calls().pop().unwrap();
        let entry = &written["TransactItems"][1]["Put"]["Item"];
        assert_eq!(entry["action"], json!({"S": "delete-image"}), "{written}");
        // The image is gone afterwards, so the entry says what it was and whose.
        let (id, owner, name) = (json!({"S": IMAGE_ID}), json!({"S": USER}), json!({"S": "cat.jpg"}));
        let target = json!({"kind": {"S": "image"}, "id": id, "owner": owner, "name": name});
        assert_eq!(entry["target"], json!({"M": target}));
    }

    #[tokio::test]
    async fn the_token_of_a_removed_admin_deletes_nothing() {
        let (answer, aws) = answer("another", Vec::new()).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(!aws.operations().contains(&"TransactWriteItems".to_owned()));
    }
}

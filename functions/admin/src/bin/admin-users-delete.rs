//! `DELETE /api/admin/users/{id}`: deletes a user's account and everything that belongs to it. The request ends the
//! user's sessions and enqueues a job. `workers-delete-account` does the rest.

use admin::{AuditTrail, Pool, PoolUser, mark_failure, unless_last_admin};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{AuditAction, AuditDetails, UserId};
use serde_json::json;
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
    let id: UserId = api::path_id(&request)?;
    let entry = audit.user(&caller, AuditAction::DeleteUser, Some(&id), AuditDetails::default());
    let (user, recorded) = tokio::join!(pool.user(&id), records.record_audit(&entry));
    recorded?;
    let requested = async { request_deletion(pool, records, &caller, user?).await }.await;
    mark_failure(records, &entry, requested).await?;
    api::json(StatusCode::ACCEPTED, &json!({}))
}

async fn request_deletion(
    pool: &Pool,
    records: &Records,
    caller: &Caller,
    user: Option<PoolUser>,
) -> Result<(), Problem> {
    let user = user.ok_or_else(Problem::not_found)?;
    unless_last_admin(pool, records, caller, &user.id, async || {
        // First, so that the user is no admin who can log in any more when the next request looks.
        pool.disable(&user.username).await?;
        pool.sign_out(&user.username).await?;
        records.request_account_deletion(&user.id, &user.username, domain::now()).await?;
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use test_support::{Answer, FakeAws, TestRequest, USER, ok, pool_user};

    use super::*;

    async fn answer(admins: &[&str]) -> (Answer, Vec<String>) {
        let admins: Vec<Value> = admins.iter().map(|id| pool_user(id)).collect();
        let aws = FakeAws::new([
            ok("ListUsers", json!({"Users": [pool_user(USER)]})),
            ok("PutItem", json!({})),
            ok("PutItem", json!({})),
            ok("ListUsersInGroup", json!({"Users": admins})),
            ok("AdminDisableUser", json!({})),
            ok("AdminUserGlobalSignOut", json!({})),
            ok("TransactWriteItems", json!({})),
            ok("DeleteItem", json!({})),
            ok("UpdateItem", json!({})),
        ]);
        let request = TestRequest::new("DELETE").admin().path("id", USER).build();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let answer = delete(&pool, &aws.records(), &AuditTrail::new(400), request).await.into();
        (answer, aws.operations())
    }

    #[tokio::test]
    async fn the_sessions_end_before_the_deletion_is_requested_and_the_lock_is_released() {
        let (answer, calls) = answer(&[USER, "another"]).await;
        assert_eq!((answer.status, &answer.body), (202, &json!({})));
        let expected = ["AdminDisableUser", "AdminUserGlobalSignOut", "TransactWriteItems", "DeleteItem"];
        assert_eq!(calls[calls.len() - 4..], expected);
    }

    #[tokio::test]
    async fn the_last_admin_is_not_deleted_and_the_entry_is_marked() {
        let (answer, calls) = answer(&[USER]).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("last-admin")));
        assert_eq!(calls[calls.len() - 3..], ["ListUsersInGroup", "DeleteItem", "UpdateItem"]);
    }
}

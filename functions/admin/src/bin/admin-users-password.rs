//! `POST /api/admin/users/{id}/password`: replaces a user's password by a temporary one, which Cognito sends by e-mail,
//! and ends the user's sessions. Admins change their own password with `POST /api/auth/password`.

use admin::{AuditTrail, Pool, PoolUser, mark_failure, unless_last_admin};
use api::{Caller, Error, Problem, Reply, Request};
use domain::{AuditAction, AuditDetails, UserId};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| reset(&pool, &records, &audit, request)).await
}

async fn reset(pool: &Pool, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id: UserId = api::path_id(&request)?;
    // If the mail failed, the caller could neither log in nor repeat the request.
    if id == caller.user {
        return Err(Problem::invalid_field(
            "id",
            "id: this is your own account. Change your password with POST /api/auth/password.",
        ));
    }
    let password = temporary_password()?;
    let entry = audit.user(&caller, AuditAction::ResetUserPassword, Some(&id), AuditDetails::default());
    let (user, recorded) = tokio::join!(pool.user(&id), records.record_audit(&entry));
    recorded?;
    let replaced = async { replace(pool, records, &caller, user?, &password).await }.await;
    let user = mark_failure(records, &entry, replaced).await?;
    // The password is replaced. So the sessions end even if the mail fails, and the entry keeps its outcome.
    let (ended, sent) =
        tokio::join!(pool.sign_out(&user.username), pool.send_temporary_password(&user.username, &password));
    ended.and(sent).map_err(|problem| {
        problem.with_detail(
            "The old password no longer works, but the temporary one may not have been sent, or sessions may \
             continue. Repeat the request.",
        )
    })?;
    api::no_content()
}

/// Replaces the password. A user with a temporary password is no admin who can log in, because the mail may be lost. So
/// two admins who reset each other at the same time take turns: the second one is no admin who can log in any more.
async fn replace(
    pool: &Pool,
    records: &Records,
    caller: &Caller,
    user: Option<PoolUser>,
    password: &str,
) -> Result<PoolUser, Problem> {
    let user = user.ok_or_else(Problem::not_found)?;
    if user.email.is_none() {
        return Err(Problem::invalid_field(
            "email",
            "email: this user has no e-mail address. Set one first.",
        ));
    }
    unless_last_admin(pool, records, caller, &user.id, async || {
        pool.set_temporary_password(&user.username, password).await
    })
    .await?;
    Ok(user)
}

/// A random password that satisfies the policy of the pool.
fn temporary_password() -> Result<String, Problem> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    Ok(random.iter().fold("Aa1-".to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, error, ok};

    use super::*;

    const OTHER: &str = "another-user";

    async fn answer(aws: &FakeAws) -> Answer {
        answer_for(aws, OTHER).await
    }

    /// The answer to a request for the user with this id.
    async fn answer_for(aws: &FakeAws, id: &str) -> Answer {
        let request = TestRequest::new("POST").admin().path("id", id).build();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        reset(&pool, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    fn user(id: &str) -> Value {
        let attributes = json!([{"Name": "sub", "Value": id}, {"Name": "email", "Value": "ann@example.com"}]);
        json!({"Username": "ann", "Enabled": true, "UserStatus": "CONFIRMED", "Attributes": attributes})
    }

    /// The responses until the password is replaced, if these users are admins, and then these.
    fn aws<const N: usize>(admins: &[&str], more: [(&'static str, u16, Value); N]) -> FakeAws {
        let admins: Vec<Value> = admins.iter().map(|id| user(id)).collect();
        let usual = [
            ok("ListUsers", json!({"Users": [user(OTHER)]})),
            ok("PutItem", json!({})),
            ok("PutItem", json!({})),
            ok("ListUsersInGroup", json!({"Users": admins})),
            ok("DeleteItem", json!({})),
        ];
        FakeAws::new(usual.into_iter().chain(more))
    }

    #[tokio::test]
    async fn the_mail_contains_the_password_that_was_set_and_the_trail_does_not() {
        let more = [
            ok("AdminSetUserPassword", json!({})),
            ok("AdminCreateUser", json!({"User": {"Username": "ann"}})),
            ok("AdminUserGlobalSignOut", json!({})),
        ];
        let aws = aws(&[USER, OTHER], more);
        assert_eq!(answer(&aws).await.status, 204);
        let calls = aws.calls();
        let input = |name: &str| calls.iter().find(|(operation, _)| operation == name).unwrap().1.clone();
        let (set, sent) = (input("AdminSetUserPassword"), input("AdminCreateUser"));
        assert_eq!((&set["Permanent"], &sent["MessageAction"]), (&json!(false), &json!("RESEND")));
        assert_eq!(set["Password"], sent["TemporaryPassword"]);
        let password = set["Password"].as_str().unwrap();
        assert!(auth::Password::try_from(password.to_owned()).unwrap().missing().is_empty(), "{password}");
        assert!(!input("PutItem").to_string().contains(password));
    }

    #[tokio::test]
    async fn an_entry_is_marked_if_cognito_refuses() {
        let more = [error("AdminSetUserPassword", "UserNotFoundException"), ok("UpdateItem", json!({}))];
        let aws = aws(&[USER, OTHER], more);
        assert_eq!(answer(&aws).await.status, 404);
        let (_, marked) = aws.calls().pop().unwrap();
        let values = marked["ExpressionAttributeValues"].to_string();
        assert!(values.contains("failed") && values.contains("not-found"), "{marked}");
    }

    #[tokio::test]
    async fn without_the_mail_the_sessions_end_and_the_admin_repeats_the_request() {
        let message = "Exceeded daily email limit for the operation or the account";
        let limit = json!({"__type": "LimitExceededException", "message": message});
        let more = [
            ok("AdminSetUserPassword", json!({})),
            ("AdminCreateUser", 400, limit),
            ok("AdminUserGlobalSignOut", json!({})),
        ];
        let aws = aws(&[USER, OTHER], more);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("mail-limit-reached")));
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains("no longer works") && detail.contains("Repeat the request."), "{detail}");
        let calls = aws.operations();
        assert!(calls.iter().any(|call| call == "AdminUserGlobalSignOut"), "{calls:?}");
        // The password was replaced, so the entry is not marked.
        assert!(!calls.iter().any(|call| call == "UpdateItem"), "{calls:?}");
    }

    #[tokio::test]
    async fn an_admin_who_cannot_log_in_any_more_resets_nobody() {
        let aws = aws(&[OTHER], [ok("UpdateItem", json!({}))]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(!aws.operations().iter().any(|call| call == "AdminSetUserPassword"));
    }

    #[tokio::test]
    async fn admins_do_not_lock_themselves_out() {
        let aws = FakeAws::new([]);
        let answer = answer_for(&aws, USER).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("id")));
        assert!(answer.body["detail"].as_str().unwrap().contains("POST /api/auth/password"));
        assert!(aws.calls().is_empty());
    }
}

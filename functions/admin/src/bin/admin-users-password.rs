//! `POST /api/admin/users/{id}/password`: replaces a user's password by a temporary one, which Cognito sends by e-mail,
//! and ends the user's sessions.

use admin::{AuditTrail, Pool, PoolUser, mark_failure};
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
    let entry = audit.user(&caller, AuditAction::ResetUserPassword, Some(&id), AuditDetails::default());
    let (user, recorded) = tokio::join!(pool.user(&id), records.record_audit(&entry));
    recorded?;
    let sent = async { send(pool, user?).await }.await;
    mark_failure(records, &entry, sent).await?;
    api::no_content()
}

async fn send(pool: &Pool, user: Option<PoolUser>) -> Result<(), Problem> {
    let user = user.ok_or_else(Problem::not_found)?;
    if user.email.is_none() {
        return Err(Problem::invalid_field(
            "email",
            "email: this user has no e-mail address. Set one first.",
        ));
    }
    pool.send_temporary_password(&user.username, &temporary_password()?).await?;
    pool.sign_out(&user.username).await
}

/// A random password that satisfies the policy of the pool.
fn temporary_password() -> Result<String, Problem> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(Problem::internal)?;
    Ok(random.iter().fold("Aa1-".to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, USER, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").admin().path("id", USER).build();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        reset(&pool, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    fn found() -> (&'static str, u16, serde_json::Value) {
        let attributes =
            json!([{"Name": "sub", "Value": USER}, {"Name": "email", "Value": "ann@example.com"}]);
        let user = json!({"Username": "ann", "Attributes": attributes});
        ok("ListUsers", json!({"Users": [user]}))
    }

    #[tokio::test]
    async fn the_mail_contains_the_password_that_was_set_and_the_trail_does_not() {
        let aws = FakeAws::new([
            found(),
            ok("PutItem", json!({})),
            ok("AdminSetUserPassword", json!({})),
            ok("AdminCreateUser", json!({"User": {"Username": "ann"}})),
            ok("AdminUserGlobalSignOut", json!({})),
        ]);
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
        let aws = FakeAws::new([
            found(),
            ok("PutItem", json!({})),
            error("AdminSetUserPassword", "UserNotFoundException"),
            ok("UpdateItem", json!({})),
        ]);
        assert_eq!(answer(&aws).await.status, 404);
        let (_, marked) = aws.calls().pop().unwrap();
        let values = marked["ExpressionAttributeValues"].to_string();
        assert!(values.contains("failed") && values.contains("not-found"), "{marked}");
    }
}

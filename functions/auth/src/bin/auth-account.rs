//! `DELETE /api/auth/account`: deletes the account of the caller, and everything that belongs to it. The password
//! proves that the caller is not somebody who found an access token.
//!
//! The request only marks the profile and enqueues a job. `workers-delete-account` does the rest.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Code, Password, Pool, cookie, reauthenticate};
use lambda_http::http::header;
use serde::Deserialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| delete(&pool, &records, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    password: Password,
    code: Option<Code>,
}

async fn delete(pool: &Pool, records: &Records, request: Request) -> Reply {
    let mut caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    let step = reauthenticate(pool, &caller.username, &body.password, body.code.as_ref()).await?;
    // The caller's token names the groups of the last login or refresh, up to an hour ago. If the caller became an
    // admin since then, this could be the last one. A user with a temporary password gets no new token, but cannot be
    // the last admin who can log in.
    if let Some(groups) = step.groups() {
        caller.groups = groups;
    }
    if caller.is_admin() {
        return Err(Problem::new(
            ProblemCode::AdminAccount,
            "This is the account of an admin. Delete it in the administration, which keeps the last admin.",
        ));
    }
    // If the sessions cannot be ended now, `workers-delete-account` ends them.
    let sign_out = pool.cognito.global_sign_out().access_token(api::bearer(&request)?).send();
    let deletion = records.request_account_deletion(&caller.user, &caller.username, domain::now());
    let (requested, _) = tokio::join!(deletion, sign_out);
    requested?;
    let mut reply = api::json(StatusCode::ACCEPTED, &serde_json::json!({}))?;
    reply.headers_mut().append(header::SET_COOKIE, cookie::remove()?);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws, request: TestRequest, body: Value) -> Answer {
        let request = request.json(&body).build();
        delete(&Pool::new(&aws.config(), "client".to_owned()), &aws.records(), request).await.into()
    }

    fn challenge() -> (&'static str, u16, Value) {
        ok("InitiateAuth", json!({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s".repeat(20)}))
    }

    fn tokens(operation: &'static str) -> (&'static str, u16, Value) {
        ok(operation, json!({"AuthenticationResult": {"AccessToken": "a", "ExpiresIn": 3600}}))
    }

    /// The password is right, and the user is in these groups.
    fn groups_now(groups: &Value) -> (&'static str, u16, Value) {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({"cognito:groups": groups}).to_string());
        let token = format!("header.{claims}.signature");
        ok("InitiateAuth", json!({"AuthenticationResult": {"AccessToken": token, "ExpiresIn": 3600}}))
    }

    #[tokio::test]
    async fn a_wrong_password_changes_nothing() {
        let aws = FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]);
        let answer = answer(&aws, TestRequest::new("DELETE"), json!({"password": "wrong"})).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);
    }

    #[tokio::test]
    async fn the_account_is_marked_and_the_sessions_end() {
        let aws = FakeAws::new([
            tokens("InitiateAuth"),
            ok("TransactWriteItems", json!({})),
            ok("GlobalSignOut", json!({})),
        ]);
        let answer = answer(&aws, TestRequest::new("DELETE"), json!({"password": "Passw0rd1"})).await;
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 202,
          "headers": {
            "set-cookie": "refresh_token=; HttpOnly; Secure; SameSite=Strict; Path=/api/auth; Max-Age=0"
          },
          "body": {}
        }
        "#);
        let calls = aws.calls();
        let (_, written) = calls.iter().find(|(operation, _)| operation == "TransactWriteItems").unwrap();
        assert_eq!(written["TransactItems"][1]["Put"]["Item"]["username"], json!({"S": "ann"}));
    }

    #[tokio::test]
    async fn who_has_a_second_factor_must_send_its_code() {
        let aws = FakeAws::new([challenge()]);
        let missing = answer(&aws, TestRequest::new("DELETE"), json!({"password": "Passw0rd1"})).await;
        assert_eq!((missing.status, &missing.body["field"]), (400, &json!("code")));

        let body = json!({"password": "Passw0rd1", "code": "123456"});
        let aws = FakeAws::new([challenge(), error("RespondToAuthChallenge", "CodeMismatchException")]);
        let wrong = answer(&aws, TestRequest::new("DELETE"), body.clone()).await;
        assert_eq!((wrong.status, &wrong.body["code"]), (400, &json!("code-mismatch")));

        let aws = FakeAws::new([
            challenge(),
            tokens("RespondToAuthChallenge"),
            ok("TransactWriteItems", json!({})),
            ok("GlobalSignOut", json!({})),
        ]);
        assert_eq!(answer(&aws, TestRequest::new("DELETE"), body).await.status, 202);
        let (_, sent) = &aws.calls()[1];
        assert_eq!(sent["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"], "123456");
    }

    #[tokio::test]
    async fn an_admin_is_referred_to_the_administration() {
        // Also if the user has become an admin after the caller's token was issued.
        for request in [TestRequest::new("DELETE").admin(), TestRequest::new("DELETE")] {
            let aws = FakeAws::new([groups_now(&json!(["admin"]))]);
            let answer = answer(&aws, request, json!({"password": "Passw0rd1"})).await;
            assert_eq!((answer.status, &answer.body["code"]), (409, &json!("admin-account")));
            assert_eq!(aws.operations(), ["InitiateAuth"]);
        }
    }

    #[tokio::test]
    async fn a_former_admin_may_delete_the_account() {
        let aws = FakeAws::new([
            groups_now(&json!([])),
            ok("TransactWriteItems", json!({})),
            ok("GlobalSignOut", json!({})),
        ]);
        let answer = answer(&aws, TestRequest::new("DELETE").admin(), json!({"password": "Passw0rd1"})).await;
        assert_eq!(answer.status, 202);
    }
}

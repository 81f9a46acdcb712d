//! `POST /api/auth/totp/confirm`: ends the setup of a second factor with the first code. From then on, logins need a
//! code.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request};
use auth::{Code, Pool, code_of, is_lockout, session_ended, too_many_attempts, used_totp};
use aws_sdk_cognitoidentityprovider::types::{SoftwareTokenMfaSettingsType, VerifySoftwareTokenResponseType};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| confirm(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    code: Code,
}

async fn confirm(pool: &Pool, request: Request) -> Reply {
    Caller::of(&request).await?;
    let access_token = api::bearer(&request)?;
    let body: Body = api::body(&request)?;
    // Cognito's API reference, VerifySoftwareToken, "UserCode".
    if body.code.as_str().len() != 6 || !body.code.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong_code());
    }
    let verify = pool.cognito.verify_software_token().access_token(access_token);
    let verified =
        verify.user_code(body.code.as_str()).send().await.map_err(|error| match code_of(&error) {
            "EnableSoftwareTokenMFAException" | "CodeMismatchException" => wrong_code(),
            // The setup was not begun.
            "InvalidParameterException" | "SoftwareTokenMFANotFoundException" => wrong_code().because(error),
            "ExpiredCodeException" => used_totp(),
            "NotAuthorizedException" if is_lockout(&error) => too_many_attempts().because(error),
            _ => session_ended(error),
        })?;
    if verified.status != Some(VerifySoftwareTokenResponseType::Success) {
        return Err(wrong_code());
    }
    let settings = SoftwareTokenMfaSettingsType::builder().enabled(true).preferred_mfa(true).build();
    let preference = pool.cognito.set_user_mfa_preference().access_token(access_token);
    preference.software_token_mfa_settings(settings).send().await.map_err(session_ended)?;
    api::no_content()
}

fn wrong_code() -> Problem {
    Problem::new(
        ProblemCode::CodeMismatch,
        "This code is wrong. Try the current one, or begin again with POST /api/auth/totp.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").json(&json!({"code": "123456"})).build();
        confirm(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    #[tokio::test]
    async fn what_is_no_code_of_an_authenticator_app_is_not_sent_to_cognito() {
        let aws = FakeAws::new([]);
        let pool = Pool::new(&aws.config(), "client".to_owned());
        for code in ["12345", "1234567", "abcdef"] {
            let request = TestRequest::new("POST").json(&json!({"code": code})).build();
            let answer = Answer::from(confirm(&pool, request).await);
            assert_eq!((answer.status, &answer.body["code"]), (400, &json!("code-mismatch")), "{code}");
        }
    }

    #[tokio::test]
    async fn the_right_code_makes_logins_ask_for_one() {
        let aws = FakeAws::new([
            ok("VerifySoftwareToken", json!({"Status": "SUCCESS"})),
            ok("SetUserMFAPreference", json!({})),
        ]);
        assert_eq!(answer(&aws).await.status, 204);
        let settings = json!({"Enabled": true, "PreferredMfa": true});
        let expected = json!({"AccessToken": "token", "SoftwareTokenMfaSettings": settings});
        assert_eq!(aws.calls()[1].1, expected);
    }

    #[tokio::test]
    async fn any_other_code_changes_nothing() {
        for (exception, status, code) in [
            ("EnableSoftwareTokenMFAException", 400, "code-mismatch"),
            ("CodeMismatchException", 400, "code-mismatch"),
            ("InvalidParameterException", 400, "code-mismatch"),
            ("ExpiredCodeException", 400, "code-expired"),
            ("NotAuthorizedException", 401, "unauthorized"),
        ] {
            let aws = FakeAws::new([error("VerifySoftwareToken", exception)]);
            let answer = answer(&aws).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{exception}");
        }
        let aws = FakeAws::new([ok("VerifySoftwareToken", json!({"Status": "ERROR"}))]);
        assert_eq!(answer(&aws).await.status, 400);
    }
}

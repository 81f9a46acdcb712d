//! `POST /api/auth/totp/confirm`: ends the setup of a second factor with the first code. From then on, logins need a
//! code. If the request contains the password, all other sessions end, and the caller continues with the tokens in the
//! response. Admins must send the password.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request};
use auth::{
    Code, Password, Pool, RefreshTokenIn, check_password, code_of, end_all_sessions, is_lockout, log_in,
    session_ended, too_many_attempts, used_totp,
};
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
    password: Option<Password>,
}

async fn confirm(pool: &Pool, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let access_token = api::bearer(&request)?;
    let body: Body = api::body(&request)?;
    // `Caller::admin` only checks that an admin has a second factor. So no session that began without a code may stay.
    if caller.is_admin() && body.password.is_none() {
        return Err(Problem::invalid_field(
            "password",
            "password: send your password too. Your other sessions end, because they began without a code.",
        ));
    }
    // Cognito's API reference, VerifySoftwareToken, "UserCode".
    if body.code.as_str().len() != 6 || !body.code.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong_code());
    }
    // First, so that the sessions stay if the login below would fail.
    if let Some(password) = &body.password {
        check_password(pool, &caller.username, password).await?.access_token()?;
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
    let Some(password) = &body.password else {
        turn_on(pool, access_token).await?;
        return api::no_content();
    };
    // Somebody else who knows the password may have logged in without a code. Cognito cannot end all sessions but one. So
    // all of them end, and the caller gets a new one. The login comes before the last step, because afterwards it would
    // need another code. Whoever logs in between these calls knew the password, and could have taken the account over
    // anyway.
    end_all_sessions(pool, access_token).await?;
    let step = log_in(pool, &caller.username, password).await.map_err(session_ended)?;
    turn_on(pool, step.access_token()?).await?;
    step.reply(&caller.username, RefreshTokenIn::of(request.headers()))
}

/// Makes logins ask for a code.
async fn turn_on(pool: &Pool, access_token: &str) -> Result<(), Problem> {
    let settings = SoftwareTokenMfaSettingsType::builder().enabled(true).preferred_mfa(true).build();
    let preference = pool.cognito.set_user_mfa_preference().access_token(access_token);
    preference.software_token_mfa_settings(settings).send().await.map(drop).map_err(session_ended)
}

fn wrong_code() -> Problem {
    Problem::new(
        ProblemCode::CodeMismatch,
        "This code is wrong. Try the current one, or begin again with POST /api/auth/totp.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        answer_to(aws, TestRequest::new("POST")).await
    }

    async fn answer_to(aws: &FakeAws, request: TestRequest) -> Answer {
        let request = request.json(&json!({"code": "123456", "password": "Passw0rd1"})).build();
        confirm(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    fn login(access_token: &str) -> (&'static str, u16, Value) {
        let tokens =
            json!({"AccessToken": access_token, "IdToken": "i", "RefreshToken": "r", "ExpiresIn": 3600});
        ok("InitiateAuth", json!({"AuthenticationResult": tokens}))
    }

    fn accepting() -> FakeAws {
        FakeAws::new([
            login("unused"),
            ok("VerifySoftwareToken", json!({"Status": "SUCCESS"})),
            ok("GlobalSignOut", json!({})),
            login("new"),
            ok("SetUserMFAPreference", json!({})),
        ])
    }

    #[tokio::test]
    async fn what_is_no_code_of_an_authenticator_app_is_not_sent_to_cognito() {
        let aws = FakeAws::new([]);
        let pool = Pool::new(&aws.config(), "client".to_owned());
        for code in ["12345", "1234567", "abcdef"] {
            let request = TestRequest::new("POST").json(&json!({"code": code, "password": "x"})).build();
            let answer = Answer::from(confirm(&pool, request).await);
            assert_eq!((answer.status, &answer.body["code"]), (400, &json!("code-mismatch")), "{code}");
        }
    }

    #[tokio::test]
    async fn without_the_password_the_sessions_stay() {
        let verified = ok("VerifySoftwareToken", json!({"Status": "SUCCESS"}));
        let aws = FakeAws::new([verified, ok("SetUserMFAPreference", json!({}))]);
        let request = TestRequest::new("POST").json(&json!({"code": "123456"})).build();
        let answer = Answer::from(confirm(&Pool::new(&aws.config(), "client".to_owned()), request).await);
        assert_eq!(answer.status, 204);
        assert_eq!(aws.operations(), ["VerifySoftwareToken", "SetUserMFAPreference"]);
    }

    #[tokio::test]
    async fn an_admin_must_send_the_password() {
        let aws = FakeAws::new([]);
        let request = TestRequest::new("POST").admin().json(&json!({"code": "123456"})).build();
        let answer = Answer::from(confirm(&Pool::new(&aws.config(), "client".to_owned()), request).await);
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("password")));
        assert!(aws.calls().is_empty());
        assert_eq!(answer_to(&accepting(), TestRequest::new("POST").admin()).await.status, 200);
    }

    #[tokio::test]
    async fn the_right_code_makes_logins_ask_for_one_and_ends_all_other_sessions() {
        let aws = accepting();
        let in_body = answer(&aws).await;
        assert_eq!((in_body.status, &in_body.body["access_token"]), (200, &json!("new")));
        assert_eq!(in_body.body["refresh_token"], "r");
        let settings = json!({"Enabled": true, "PreferredMfa": true});
        // The session of the caller's token has ended.
        let expected = json!({"AccessToken": "new", "SoftwareTokenMfaSettings": settings});
        assert_eq!(aws.calls()[4].1, expected);
        let operations =
            ["InitiateAuth", "VerifySoftwareToken", "GlobalSignOut", "InitiateAuth", "SetUserMFAPreference"];
        assert_eq!(aws.operations(), operations);

        let page = TestRequest::new("POST").header("cookie", "refresh_token=old");
        let in_cookie = answer_to(&accepting(), page).await;
        assert!(in_cookie.headers["set-cookie"].starts_with("refresh_token=r; HttpOnly"));
        assert!(in_cookie.body.get("refresh_token").is_none());
    }

    #[tokio::test]
    async fn a_wrong_password_changes_nothing() {
        let aws = FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(aws.operations(), ["InitiateAuth"]);
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
            let aws = FakeAws::new([login("unused"), error("VerifySoftwareToken", exception)]);
            let answer = answer(&aws).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{exception}");
        }
        let aws = FakeAws::new([login("unused"), ok("VerifySoftwareToken", json!({"Status": "ERROR"}))]);
        assert_eq!(answer(&aws).await.status, 400);
    }
}

//! `POST /api/auth/password`: changes the password. All other sessions end. The caller continues with the tokens in the
//! response.

use api::{Caller, Error, Reply, Request};
use auth::{
    Password, Pool, RefreshTokenIn, code_of, end_all_sessions, is_lockout, log_in, session_ended,
    too_many_attempts, weak_password, wrong_password,
};
use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| change(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    current_password: Password,
    new_password: Password,
}

async fn change(pool: &Pool, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let access_token = api::bearer(&request)?;
    let body: Body = api::body(&request)?;
    pool.cognito
        .change_password()
        .access_token(access_token)
        .previous_password(body.current_password.as_str())
        .proposed_password(body.new_password.as_str())
        .send()
        .await
        .map_err(|error| {
            // Cognito has one code for a wrong password, a lockout, and a session that has ended.
            let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
            let is_wrong =
                message.is_some_and(|message| message.starts_with("Incorrect username or password"));
            match code_of(&error) {
                "InvalidPasswordException" => weak_password("new_password", &body.new_password),
                "NotAuthorizedException" if is_wrong => wrong_password(),
                "NotAuthorizedException" if is_lockout(&error) => too_many_attempts().because(error),
                _ => session_ended(error),
            }
        })?;
    // Cognito cannot end all sessions but one. So all of them end, and the caller gets a new one.
    end_all_sessions(pool, access_token).await?;
    let step = log_in(pool, &caller.username, &body.new_password).await.map_err(session_ended)?;
    step.reply(&caller.username, RefreshTokenIn::of(request.headers()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws, request: TestRequest) -> Answer {
        let body = json!({"current_password": "Passw0rd1", "new_password": "aaaaaaaa"});
        change(&Pool::new(&aws.config(), "client".to_owned()), request.json(&body).build()).await.into()
    }

    fn accepting() -> FakeAws {
        let tokens = json!({"AccessToken": "a", "IdToken": "i", "RefreshToken": "r", "ExpiresIn": 3600});
        FakeAws::new([
            ok("ChangePassword", json!({})),
            ok("GlobalSignOut", json!({})),
            ok("InitiateAuth", json!({"AuthenticationResult": tokens})),
        ])
    }

    #[tokio::test]
    async fn all_sessions_end_and_the_caller_gets_a_new_one() {
        let aws = accepting();
        let in_body = answer(&aws, TestRequest::new("POST")).await;
        assert_eq!((in_body.status, &in_body.body["refresh_token"]), (200, &json!("r")));
        assert_eq!(aws.operations(), ["ChangePassword", "GlobalSignOut", "InitiateAuth"]);
        assert_eq!(aws.calls()[2].1["AuthParameters"]["PASSWORD"], "aaaaaaaa");

        let page = TestRequest::new("POST").header("cookie", "refresh_token=old");
        let in_cookie = answer(&accepting(), page).await;
        assert!(in_cookie.headers["set-cookie"].starts_with("refresh_token=r; HttpOnly"));
        assert!(in_cookie.body.get("refresh_token").is_none());
    }

    #[tokio::test]
    async fn each_failure_has_its_code_and_ends_no_session() {
        let refusals = [
            ("Incorrect username or password.", 403, "wrong-password"),
            ("Password attempts exceeded", 429, "too-many-attempts"),
            ("Access Token has been revoked", 401, "unauthorized"),
        ];
        for (message, status, code) in refusals {
            let refusal = json!({"__type": "NotAuthorizedException", "message": message});
            let aws = FakeAws::new([("ChangePassword", 400, refusal)]);
            let answer = answer(&aws, TestRequest::new("POST")).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)));
        }
        let aws = FakeAws::new([error("ChangePassword", "InvalidPasswordException")]);
        let answer = answer(&aws, TestRequest::new("POST")).await;
        assert_eq!(
            (&answer.body["code"], &answer.body["field"]),
            (&json!("weak-password"), &json!("new_password"))
        );
        assert_eq!(aws.operations(), ["ChangePassword"]);
    }
}

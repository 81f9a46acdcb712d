//! `POST /api/auth/challenge`: the next step of a login: a code of the user's authenticator app, or a new password in
//! place of a temporary one.

use api::{Error, Problem, ProblemCode, Reply, Request};
use auth::{
    Code, Password, Pool, RefreshTokenIn, Session, Step, Username, code_of, is_lockout, login_problem,
    too_many_attempts, used_totp, weak_password, wrong_totp,
};
use aws_sdk_cognitoidentityprovider::types::ChallengeNameType;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| respond(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
    session: Session,
    code: Option<Code>,
    new_password: Option<Password>,
    #[serde(default)]
    refresh_token_in: RefreshTokenIn,
}

async fn respond(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let (challenge, member, value) = match (&body.code, &body.new_password) {
        (Some(code), None) => (ChallengeNameType::SoftwareTokenMfa, "SOFTWARE_TOKEN_MFA_CODE", code.as_str()),
        (None, Some(password)) => (ChallengeNameType::NewPasswordRequired, "NEW_PASSWORD", password.as_str()),
        _ => return Err(Problem::invalid_field("code", "code: send either code or new_password")),
    };
    let answer = pool
        .cognito
        .respond_to_auth_challenge()
        .client_id(&pool.client_id)
        .challenge_name(challenge)
        .session(body.session.as_str())
        .challenge_responses("USERNAME", body.username.as_str())
        .challenge_responses(member, value)
        .send()
        .await
        .map_err(|error| match (code_of(&error), &body.new_password) {
            ("CodeMismatchException", _) => wrong_totp(),
            ("ExpiredCodeException", _) => used_totp(),
            ("InvalidPasswordException", Some(password)) => weak_password("new_password", password),
            ("NotAuthorizedException", _) if is_lockout(&error) => too_many_attempts().because(error),
            ("NotAuthorizedException" | "UserNotFoundException" | "InvalidParameterException", _) => {
                Problem::new(ProblemCode::ChallengeExpired, "This login has expired. Log in again.")
                    .because(error)
            }
            _ => login_problem(error),
        })?;
    Step::from(answer).reply(body.username.as_str(), body.refresh_token_in)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    const SESSION: &str = "a-session-of-at-least-20-characters";

    async fn answer(aws: &FakeAws, response: Value) -> Answer {
        let mut body = json!({"username": "ann", "session": SESSION});
        body.as_object_mut().unwrap().extend(response.as_object().unwrap().clone());
        let request = TestRequest::new("POST").public().json(&body).build();
        respond(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    #[tokio::test]
    async fn a_code_or_a_new_password_gives_tokens() {
        let tokens = json!({"AccessToken": "a", "IdToken": "i", "RefreshToken": "r", "ExpiresIn": 3600});
        for (response, challenge, responses) in [
            (
                json!({"code": "123456"}),
                "SOFTWARE_TOKEN_MFA",
                json!({"USERNAME": "ann", "SOFTWARE_TOKEN_MFA_CODE": "123456"}),
            ),
            (
                json!({"new_password": "Passw0rd1"}),
                "NEW_PASSWORD_REQUIRED",
                json!({"USERNAME": "ann", "NEW_PASSWORD": "Passw0rd1"}),
            ),
        ] {
            let aws = FakeAws::new([ok("RespondToAuthChallenge", json!({"AuthenticationResult": tokens}))]);
            let answer = answer(&aws, response).await;
            assert_eq!((answer.status, &answer.body["refresh_token"]), (200, &json!("r")));
            let expected = json!({
                "ClientId": "client", "ChallengeName": challenge, "Session": SESSION, "ChallengeResponses": responses,
            });
            assert_eq!(aws.calls()[0].1, expected);
        }
    }

    #[tokio::test]
    async fn after_a_new_password_a_code_may_be_needed() {
        let next = json!({"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "next"});
        let aws = FakeAws::new([ok("RespondToAuthChallenge", next)]);
        let answer = answer(&aws, json!({"new_password": "Passw0rd1"})).await;
        assert_eq!(answer.body, json!({"challenge": "totp", "session": "next", "username": "ann"}));
    }

    #[tokio::test]
    async fn each_failure_has_its_code() {
        for (exception, response, status, code) in [
            ("CodeMismatchException", json!({"code": "123456"}), 400, "code-mismatch"),
            ("ExpiredCodeException", json!({"code": "123456"}), 400, "code-expired"),
            ("InvalidPasswordException", json!({"new_password": "aaaaaaaa"}), 400, "weak-password"),
            ("NotAuthorizedException", json!({"code": "123456"}), 401, "challenge-expired"),
            ("UserNotFoundException", json!({"code": "123456"}), 401, "challenge-expired"),
            ("TooManyRequestsException", json!({"code": "123456"}), 503, "unavailable"),
        ] {
            let aws = FakeAws::new([error("RespondToAuthChallenge", exception)]);
            let answer = answer(&aws, response).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{exception}");
        }
        let lockout = json!({"__type": "NotAuthorizedException", "message": "Password attempts exceeded"});
        let aws = FakeAws::new([("RespondToAuthChallenge", 400, lockout)]);
        let answer = answer(&aws, json!({"code": "123456"})).await;
        assert_eq!((answer.status, &answer.body["code"]), (429, &json!("too-many-attempts")));
        assert_eq!(answer.headers["retry-after"], "900");
    }

    #[tokio::test]
    async fn a_response_has_either_a_code_or_a_new_password() {
        let aws = FakeAws::new([]);
        for response in [json!({}), json!({"code": "123456", "new_password": "Passw0rd1"})] {
            let answer = answer(&aws, response).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!("code")));
        }
        assert!(aws.calls().is_empty());
    }
}

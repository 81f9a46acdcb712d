//! `POST /api/auth/login`: tokens for a name and a password.

use api::{Error, Problem, ProblemCode, Reply, Request};
use auth::{Password, Pool, RefreshTokenIn, Username, code_of, problem, tokens};
use aws_sdk_cognitoidentityprovider::types::AuthFlowType;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| login(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
    password: Password,
    #[serde(default)]
    refresh_token_in: RefreshTokenIn,
}

async fn login(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let answer = pool
        .cognito
        .initiate_auth()
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .client_id(&pool.client_id)
        .auth_parameters("USERNAME", body.username.as_str())
        .auth_parameters("PASSWORD", body.password.as_str())
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            // A wrong name and a wrong password answer alike.
            "NotAuthorizedException" | "UserNotFoundException" => {
                Problem::new(ProblemCode::WrongCredentials, "The user name or the password is wrong.")
            }
            "UserNotConfirmedException" => Problem::new(
                ProblemCode::NotConfirmed,
                "Confirm this account first, with the code from the mail.",
            ),
            "PasswordResetRequiredException" => Problem::new(
                ProblemCode::PasswordResetRequired,
                "This password has to be reset before the next login.",
            ),
            _ => problem(error),
        })?;
    tokens(answer, None, body.refresh_token_in)
}

#[cfg(test)]
mod tests {
    use endpoint_test::{Answer, FakeAws, TestRequest, error, ok};
    use serde_json::json;

    use super::*;

    async fn answer(aws: &FakeAws, place: &str) -> Answer {
        let body = json!({"username": "ann", "password": "Passw0rd1", "refresh_token_in": place});
        let request = TestRequest::new("POST").public().json(&body).build();
        login(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    fn tokens() -> FakeAws {
        let tokens = json!({"AccessToken": "a", "IdToken": "i", "RefreshToken": "r", "ExpiresIn": 3600});
        FakeAws::new([ok("InitiateAuth", json!({"AuthenticationResult": tokens}))])
    }

    #[tokio::test]
    async fn the_refresh_token_is_in_the_body_or_in_the_cookie() {
        insta::assert_json_snapshot!(answer(&tokens(), "body").await, @r#"
        {
          "status": 200,
          "body": {
            "access_token": "a",
            "expires_in": 3600,
            "id_token": "i",
            "refresh_token": "r",
            "token_type": "Bearer"
          }
        }
        "#);
        insta::assert_json_snapshot!(answer(&tokens(), "cookie").await, @r#"
        {
          "status": 200,
          "headers": {
            "set-cookie": "refresh_token=r; HttpOnly; Secure; SameSite=Strict; Path=/api/auth; Max-Age=2592000"
          },
          "body": {
            "access_token": "a",
            "expires_in": 3600,
            "id_token": "i",
            "token_type": "Bearer"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_user_get_the_same_response() {
        let wrong = answer(&FakeAws::new([error("InitiateAuth", "NotAuthorizedException")]), "body").await;
        let unknown = answer(&FakeAws::new([error("InitiateAuth", "UserNotFoundException")]), "body").await;
        assert_eq!(wrong.body, unknown.body);
        insta::assert_json_snapshot!(wrong, @r#"
        {
          "status": 401,
          "headers": {
            "www-authenticate": "Bearer"
          },
          "body": {
            "code": "wrong-credentials",
            "detail": "The user name or the password is wrong.",
            "status": 401,
            "title": "Unauthorized",
            "type": "urn:darkroom:problem:wrong-credentials"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_login_that_needs_another_step_is_refused() {
        let aws = FakeAws::new([ok("InitiateAuth", json!({"ChallengeName": "NEW_PASSWORD_REQUIRED"}))]);
        insta::assert_json_snapshot!(answer(&aws, "body").await, @r#"
        {
          "status": 403,
          "body": {
            "code": "challenge-required",
            "detail": "This account needs another step before it can log in. Ask the operator.",
            "status": 403,
            "title": "Forbidden",
            "type": "urn:darkroom:problem:challenge-required"
          }
        }
        "#);
    }
}

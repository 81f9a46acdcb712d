//! `POST /api/auth/login`: tokens for a user name, or an e-mail address, and a password. Or a challenge, if the login
//! needs another step.

use api::{Error, Problem, Reply, Request};
use auth::{Email, Password, Pool, RefreshTokenIn, Username, log_in, login_problem};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| login(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Option<Username>,
    email: Option<Email>,
    password: Password,
    #[serde(default)]
    refresh_token_in: RefreshTokenIn,
}

impl Body {
    /// The name that Cognito looks up. A confirmed e-mail address is an alias of the user name.
    fn name(&self) -> Result<&str, Problem> {
        match (&self.username, &self.email) {
            (Some(username), None) => Ok(username.as_str()),
            (None, Some(email)) => Ok(email.as_str()),
            _ => Err(Problem::invalid_field("username", "username: send either username or email")),
        }
    }
}

async fn login(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let name = body.name()?;
    let step = log_in(pool, name, &body.password).await.map_err(login_problem)?;
    step.reply(name, body.refresh_token_in)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

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
    async fn a_login_with_a_second_factor_gets_a_challenge_and_the_user_name_for_its_response() {
        let parameters = json!({"USER_ID_FOR_SRP": "ann"});
        for (name, challenge) in [("SOFTWARE_TOKEN_MFA", "totp"), ("NEW_PASSWORD_REQUIRED", "new_password")] {
            let next = json!({"ChallengeName": name, "Session": "s", "ChallengeParameters": parameters});
            let aws = FakeAws::new([ok("InitiateAuth", next)]);
            let body = json!({"email": "ann@example.com", "password": "Passw0rd1"});
            let request = TestRequest::new("POST").public().json(&body).build();
            let answer = Answer::from(login(&Pool::new(&aws.config(), "client".to_owned()), request).await);
            let expected = json!({"challenge": challenge, "session": "s", "username": "ann"});
            assert_eq!((answer.status, answer.body), (200, expected));
            assert_eq!(aws.calls()[0].1["AuthParameters"]["USERNAME"], "ann@example.com");
        }
    }

    #[tokio::test]
    async fn a_login_needs_exactly_one_of_user_name_and_email() {
        let aws = FakeAws::new([]);
        for body in [
            json!({"password": "Passw0rd1"}),
            json!({"username": "ann", "email": "ann@example.com", "password": "Passw0rd1"}),
        ] {
            let request = TestRequest::new("POST").public().json(&body).build();
            let answer = Answer::from(login(&Pool::new(&aws.config(), "client".to_owned()), request).await);
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!("username")));
        }
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn a_login_that_needs_a_step_that_the_api_does_not_offer_is_refused() {
        let aws = FakeAws::new([ok("InitiateAuth", json!({"ChallengeName": "SMS_MFA", "Session": "s"}))]);
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

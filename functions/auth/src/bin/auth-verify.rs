//! `POST /api/auth/token/verify`: whether an access token is valid and its session exists. Other services can use it to
//! check a token, for example after a logout.

use api::{Error, Problem, Reply, Request, StatusCode};
use auth::{Pool, code_of, problem, unverified_claims};
use domain::Timestamp;
use serde::{Deserialize, Serialize};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| verify(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    token: String,
}

#[derive(Serialize)]
struct VerifiedBody {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// The claims that this endpoint reads.
#[derive(Deserialize)]
struct Claims {
    client_id: String,
    token_use: String,
    exp: i64,
}

async fn verify(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let now = domain::now();
    // Cognito accepts the tokens of all its clients and pools. So the token must be of this client, and then Cognito
    // checks the signature, the expiry, the user and whether the session was ended.
    let claims = unverified_claims(&body.token).filter(|claims: &Claims| {
        claims.client_id == pool.client_id && claims.token_use == "access" && claims.exp > now.as_second()
    });
    let username = match &claims {
        Some(_) => accepted(pool, &body.token).await?,
        None => None,
    };
    let body = match (claims, username) {
        (Some(claims), Some(username)) => VerifiedBody {
            active: true,
            username: Some(username),
            expires_at: Some(Timestamp::from_second(claims.exp).map_err(Problem::internal)?),
        },
        _ => VerifiedBody { active: false, username: None, expires_at: None },
    };
    api::json(StatusCode::OK, &body)
}

/// The user name of a token that Cognito accepts. `None` if Cognito refuses the token.
async fn accepted(pool: &Pool, token: &str) -> Result<Option<String>, Problem> {
    match pool.cognito.get_user().access_token(token).send().await {
        Ok(user) => Ok(Some(user.username)),
        Err(error) => match code_of(&error) {
            "NotAuthorizedException"
            | "UserNotFoundException"
            | "PasswordResetRequiredException"
            | "UserNotConfirmedException"
            | "InvalidParameterException" => Ok(None),
            _ => Err(problem(error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    fn token(client: &str, token_use: &str, exp: i64) -> String {
        let claims = json!({"client_id": client, "token_use": token_use, "exp": exp});
        format!("header.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    async fn answer(aws: &FakeAws, token: &str) -> (u16, Value) {
        let request = TestRequest::new("POST").public().json(&json!({ "token": token })).build();
        let answer = Answer::from(verify(&Pool::new(&aws.config(), "client".to_owned()), request).await);
        (answer.status, answer.body)
    }

    #[tokio::test]
    async fn a_token_that_cognito_accepts_is_active_until_it_expires() {
        let aws = FakeAws::new([ok("GetUser", json!({"Username": "ann", "UserAttributes": []}))]);
        let expected = json!({"active": true, "username": "ann", "expires_at": "2100-01-01T00:00:00Z"});
        assert_eq!(answer(&aws, &token("client", "access", 4_102_444_800)).await, (200, expected));
    }

    #[tokio::test]
    async fn a_token_that_cognito_refuses_is_not_active() {
        for exception in ["NotAuthorizedException", "UserNotFoundException", "InvalidParameterException"] {
            let aws = FakeAws::new([error("GetUser", exception)]);
            let answer = answer(&aws, &token("client", "access", 4_102_444_800)).await;
            assert_eq!(answer, (200, json!({"active": false})), "{exception}");
        }
    }

    #[tokio::test]
    async fn a_token_of_another_kind_or_client_is_not_active_and_cognito_is_not_asked() {
        let aws = FakeAws::new([]);
        for token in [
            token("another", "access", 4_102_444_800),
            token("client", "id", 4_102_444_800),
            token("client", "access", 1),
            "not a token".to_owned(),
            String::new(),
        ] {
            assert_eq!(answer(&aws, &token).await, (200, json!({"active": false})), "{token}");
        }
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn a_failure_of_cognito_does_not_make_a_token_inactive() {
        let aws = FakeAws::new([error("GetUser", "TooManyRequestsException")]);
        assert_eq!(answer(&aws, &token("client", "access", 4_102_444_800)).await.0, 503);
    }
}

//! `POST /api/auth/logout`: ends the session of a refresh token, which is in the body or in the cookie. With `everywhere`,
//! it ends all sessions of the caller. The response 204 removes the cookie in each case.
//!
//! API Gateway verifies access tokens without a call to Cognito, so an access token works until it expires.

use api::{Caller, Error, Problem, Reply, Request};
use auth::{Pool, code_of, cookie, end_all_sessions, problem};
use lambda_http::http::header;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| logout(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    refresh_token: Option<String>,
    #[serde(default)]
    everywhere: bool,
}

async fn logout(pool: &Pool, request: Request) -> Reply {
    Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    if body.everywhere {
        end_all_sessions(pool, api::bearer(&request)?).await?;
    } else {
        let token = body.refresh_token.as_deref().or_else(|| cookie::refresh_token(request.headers()));
        let token = token.ok_or_else(|| {
            Problem::invalid_field(
                "refresh_token",
                "refresh_token: send the refresh token of the session, or everywhere: true",
            )
        })?;
        revoke(pool, token).await?;
    }
    let mut reply = api::no_content()?;
    reply.headers_mut().append(header::SET_COOKIE, cookie::remove()?);
    Ok(reply)
}

async fn revoke(pool: &Pool, refresh_token: &str) -> Result<(), Problem> {
    // Cognito refuses other characters (Amazon Cognito API Reference, "RevokeToken"). Such a text is not a valid token.
    if !refresh_token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.".contains(&b)) {
        return Ok(());
    }
    match pool.cognito.revoke_token().client_id(&pool.client_id).token(refresh_token).send().await {
        Err(error) => match code_of(&error) {
            // The token is already revoked, or it does not belong to this pool. In both cases it is invalid.
            "NotAuthorizedException"
            | "UnauthorizedException"
            | "UnsupportedTokenTypeException"
            | "InvalidParameterException" => Ok(()),
            _ => Err(problem(error)),
        },
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, ok};

    use super::*;

    #[tokio::test]
    async fn only_what_can_be_a_token_is_sent_to_cognito() {
        for (token, operations) in [("a.B-1_=", vec!["RevokeToken"]), ("a b", vec![]), ("\u{e4}", vec![])] {
            let aws = FakeAws::new([ok("RevokeToken", json!({}))].into_iter().take(operations.len()));
            let request = TestRequest::new("POST").json(&json!({"refresh_token": token})).build();
            let pool = Pool::new(&aws.config(), "client".to_owned());
            let answer: Answer = logout(&pool, request).await.into();
            assert_eq!(answer.status, 204, "{token}");
            assert_eq!(aws.operations(), operations, "{token}");
        }
    }
}

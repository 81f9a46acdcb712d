//! `POST /api/auth/token/refresh`: new tokens for a refresh token.

use api::{Error, ErrorStatus, Problem, Reply, Request, StatusCode};
use auth::{Pool, TokensBody, code_of, problem};
use aws_sdk_cognitoidentityprovider::types::AuthFlowType;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| refresh(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    refresh_token: String,
}

async fn refresh(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let answer = pool
        .cognito
        .initiate_auth()
        .auth_flow(AuthFlowType::RefreshTokenAuth)
        .client_id(&pool.client_id)
        .auth_parameters("REFRESH_TOKEN", &body.refresh_token)
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            "NotAuthorizedException" | "UserNotFoundException" | "InvalidParameterException" => Problem::new(
                ErrorStatus::Unauthorized,
                "bad-refresh-token",
                "This refresh token is not valid any more. Log in again.",
            ),
            _ => problem(error),
        })?;
    api::json(StatusCode::OK, &TokensBody::new(answer, Some(&body.refresh_token))?)
}

//! `POST /api/auth/token/refresh`: returns new tokens for a refresh token, which is in the body or in the cookie.

use api::{Error, Problem, ProblemCode, Reply, Request};
use auth::{Pool, RefreshTokenIn, Step, code_of, cookie, problem};
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
    refresh_token: Option<String>,
}

async fn refresh(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let (token, place) = match (&body.refresh_token, cookie::refresh_token(request.headers())) {
        (Some(token), _) => (token.as_str(), RefreshTokenIn::Body),
        (None, Some(token)) => (token, RefreshTokenIn::Cookie),
        (None, None) => {
            return Err(Problem::new(
                ProblemCode::NoRefreshToken,
                "Neither the body nor a cookie contains a refresh token. Log in.",
            ));
        }
    };
    let answer = pool
        .cognito
        .initiate_auth()
        .auth_flow(AuthFlowType::RefreshTokenAuth)
        .client_id(&pool.client_id)
        .auth_parameters("REFRESH_TOKEN", token)
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            "NotAuthorizedException"
            | "UserNotFoundException"
            | "InvalidParameterException"
            | "PasswordResetRequiredException"
            | "UserNotConfirmedException" => Problem::new(
                ProblemCode::BadRefreshToken,
                "This refresh token is no longer valid. Log in again.",
            ),
            _ => problem(error),
        })?;
    Step::from(answer).tokens(Some(token), place)
}

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

//! `POST /api/auth/password/forgot`: sends a code with which the password can be set anew. The answer is the
//! same for a user who does not exist.

use api::{Error, Reply, Request, StatusCode};
use auth::{Pool, Username, code_of, problem};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| forgot(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
}

async fn forgot(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let answer = pool
        .cognito
        .forgot_password()
        .client_id(&pool.client_id)
        .username(body.username.as_str())
        .send()
        .await;
    match answer {
        // An address that is not confirmed gets no code either, and nobody is told.
        Err(error)
            if !matches!(
                code_of(&error),
                "UserNotFoundException" | "InvalidParameterException" | "NotAuthorizedException"
            ) =>
        {
            Err(problem(error))
        }
        _ => api::json(StatusCode::ACCEPTED, &serde_json::json!({})),
    }
}

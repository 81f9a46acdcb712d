//! `POST /api/auth/confirm/resend`: sends the code again. The answer is the same for a user who does not
//! exist, or who is confirmed already.

use api::{Error, Reply, Request, StatusCode};
use auth::{Pool, Username, code_of, problem};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| resend(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
}

async fn resend(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let answer = pool
        .cognito
        .resend_confirmation_code()
        .client_id(&pool.client_id)
        .username(body.username.as_str())
        .send()
        .await;
    match answer {
        // Nobody learns whether there is such a user, or one who is disabled.
        Err(error)
            if !matches!(
                code_of(&error),
                "UserNotFoundException" | "NotAuthorizedException" | "InvalidParameterException"
            ) =>
        {
            Err(problem(error))
        }
        _ => api::json(StatusCode::ACCEPTED, &serde_json::json!({})),
    }
}

//! `POST /api/auth/password/forgot`: sends a code for setting a new password. The response is the same if the
//! user does not exist.

use api::{Error, Reply, Request};
use auth::{Pool, Username, code_sent};
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
    code_sent(answer)
}

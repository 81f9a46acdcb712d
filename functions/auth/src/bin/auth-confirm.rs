//! `POST /api/auth/confirm`: confirms a user with the code from the mail.

use api::{Error, Reply, Request};
use auth::{Code, Pool, Username, problem};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| confirm(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
    code: Code,
}

async fn confirm(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    pool.cognito
        .confirm_sign_up()
        .client_id(&pool.client_id)
        .username(body.username.as_str())
        .confirmation_code(body.code.as_str())
        .send()
        .await
        .map_err(problem)?;
    api::no_content()
}

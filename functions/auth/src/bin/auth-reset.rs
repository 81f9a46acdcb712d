//! `POST /api/auth/password/reset`: sets a new password with the code from the e-mail.

use api::{Error, Reply, Request};
use auth::{Code, Password, Pool, Username, code_of, problem, weak_password};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| reset(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: Username,
    code: Code,
    new_password: Password,
}

async fn reset(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    pool.cognito
        .confirm_forgot_password()
        .client_id(&pool.client_id)
        .username(body.username.as_str())
        .confirmation_code(body.code.as_str())
        .password(body.new_password.as_str())
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            "InvalidPasswordException" => weak_password("new_password", &body.new_password),
            _ => problem(error),
        })?;
    api::no_content()
}

//! `POST /api/auth/register`: creates a user. Cognito sends a code by e-mail, which confirms the user.

use api::{Error, Problem, ProblemCode, Reply, Request, StatusCode};
use auth::{Email, NewUsername, Password, Pool, code_of, problem, weak_password};
use aws_sdk_cognitoidentityprovider::types::AttributeType;
use serde::{Deserialize, Serialize};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| register(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    username: NewUsername,
    email: Email,
    password: Password,
}

#[derive(Serialize)]
struct RegisteredBody<'a> {
    user: UserBody<'a>,
    confirmed: bool,
    code_delivery: Option<DeliveryBody>,
}

#[derive(Serialize)]
struct UserBody<'a> {
    id: &'a str,
    username: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct DeliveryBody {
    medium: String,
    destination: String,
}

async fn register(pool: &Pool, request: Request) -> Reply {
    let body: Body = api::body(&request)?;
    let email = AttributeType::builder().name("email").value(body.email.as_str()).build();
    let answer = pool
        .cognito
        .sign_up()
        .client_id(&pool.client_id)
        .username(body.username.as_str())
        .password(body.password.as_str())
        .user_attributes(email.map_err(Problem::internal)?)
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            "UsernameExistsException" => {
                Problem::new(ProblemCode::UsernameTaken, "This user name is taken. Choose another.")
            }
            "InvalidPasswordException" => weak_password("password", &body.password),
            _ => problem(error),
        })?;
    let delivery = answer.code_delivery_details.map(|details| DeliveryBody {
        medium: details.delivery_medium.map(|medium| medium.as_str().to_lowercase()).unwrap_or_default(),
        destination: details.destination.unwrap_or_default(),
    });
    let user =
        UserBody { id: &answer.user_sub, username: body.username.as_str(), email: body.email.as_str() };
    let registered = RegisteredBody { user, confirmed: answer.user_confirmed, code_delivery: delivery };
    api::json(StatusCode::CREATED, &registered)
}

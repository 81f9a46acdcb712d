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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("POST").public().json(body).build();
        register(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    fn ann() -> Value {
        json!({"username": "ann", "email": "ann@example.com", "password": "Passw0rd1"})
    }

    #[tokio::test]
    async fn a_new_user_learns_where_the_code_was_sent() {
        let delivery =
            json!({"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "a***@e***"});
        let signed_up = json!({"UserSub": USER, "UserConfirmed": false, "CodeDeliveryDetails": delivery});
        let aws = FakeAws::new([ok("SignUp", signed_up)]);
        insta::assert_json_snapshot!(answer(&aws, &ann()).await, @r#"
        {
          "status": 201,
          "body": {
            "code_delivery": {
              "destination": "a***@e***",
              "medium": "email"
            },
            "confirmed": false,
            "user": {
              "email": "ann@example.com",
              "id": "5f0c3c9e-0000-4000-8000-000000000000",
              "username": "ann"
            }
          }
        }
        "#);
        insta::assert_json_snapshot!(aws.calls(), @r#"
        [
          [
            "SignUp",
            {
              "ClientId": "client",
              "Password": "Passw0rd1",
              "UserAttributes": [
                {
                  "Name": "email",
                  "Value": "ann@example.com"
                }
              ],
              "Username": "ann"
            }
          ]
        ]
        "#);
    }

    #[tokio::test]
    async fn a_user_of_a_pool_that_sends_no_code_is_confirmed_at_once() {
        let aws = FakeAws::new([ok("SignUp", json!({"UserSub": USER, "UserConfirmed": true}))]);
        let answer = answer(&aws, &ann()).await;
        assert_eq!(answer.status, 201);
        assert_eq!((&answer.body["confirmed"], &answer.body["code_delivery"]), (&json!(true), &Value::Null));
    }

    #[tokio::test]
    async fn a_taken_name_is_refused() {
        let aws = FakeAws::new([error("SignUp", "UsernameExistsException")]);
        insta::assert_json_snapshot!(answer(&aws, &ann()).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "username-taken",
            "detail": "This user name is taken. Choose another.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:username-taken"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_address_that_gets_no_mail_is_refused() {
        let aws = FakeAws::new([error("SignUp", "CodeDeliveryFailureException")]);
        let answer = answer(&aws, &ann()).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid-field")));
        assert_eq!(answer.body["field"], "email");
    }

    #[tokio::test]
    async fn a_weak_password_is_refused_with_all_that_it_lacks() {
        let aws = FakeAws::new([error("SignUp", "InvalidPasswordException")]);
        let mut body = ann();
        body["password"] = json!("secret");
        insta::assert_json_snapshot!(answer(&aws, &body).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "weak-password",
            "detail": "The password is too weak. It lacks: 8-characters, upper-case-letter, digit.",
            "field": "password",
            "missing": [
              "8-characters",
              "upper-case-letter",
              "digit"
            ],
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:weak-password"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_invalid_field_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        for (field, value) in
            [("username", "ann@example.com"), ("email", "ann"), ("password", "two words"), ("group", "admin")]
        {
            let mut body = ann();
            body[field] = json!(value);
            let answer = answer(&aws, &body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{body}");
        }
        assert!(aws.calls().is_empty());
    }
}

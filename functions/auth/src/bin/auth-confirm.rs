//! `POST /api/auth/confirm`: confirms a user with the code from the e-mail. From then on, the user can log in with the
//! address, and no other user can confirm it.

use api::{Error, Problem, ProblemCode, Reply, Request};
use auth::{Code, Pool, Username, code_of, problem};
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
        .map_err(|error| match code_of(&error) {
            // Cognito checks the code first, so only the owner of the address learns this (Cognito's API reference,
            // ConfirmSignUp, "ForceAliasCreation").
            "AliasExistsException" => Problem::new(
                ProblemCode::EmailTaken,
                "Another user has confirmed this e-mail address. Log in as that user, or register with another address.",
            ),
            _ => problem(error),
        })?;
    api::no_content()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let body = json!({"username": "ann", "code": "123456"});
        let request = TestRequest::new("POST").public().json(&body).build();
        confirm(&Pool::new(&aws.config(), "client".to_owned()), request).await.into()
    }

    #[tokio::test]
    async fn the_right_code_confirms_the_user() {
        let aws = FakeAws::new([ok("ConfirmSignUp", json!({}))]);
        insta::assert_json_snapshot!(answer(&aws).await, @r#"
        {
          "status": 204,
          "body": null
        }
        "#);
        insta::assert_json_snapshot!(aws.calls(), @r#"
        [
          [
            "ConfirmSignUp",
            {
              "ClientId": "client",
              "ConfirmationCode": "123456",
              "Username": "ann"
            }
          ]
        ]
        "#);
    }

    #[tokio::test]
    async fn a_wrong_code_and_an_unknown_user_get_the_same_response() {
        let wrong = answer(&FakeAws::new([error("ConfirmSignUp", "CodeMismatchException")])).await;
        let unknown = answer(&FakeAws::new([error("ConfirmSignUp", "UserNotFoundException")])).await;
        assert_eq!(wrong.body, unknown.body);
        insta::assert_json_snapshot!(wrong, @r#"
        {
          "status": 400,
          "body": {
            "code": "code-mismatch",
            "detail": "This code is not valid for this user.",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:code-mismatch"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn the_owner_of_an_address_that_another_user_confirmed_is_told_so() {
        let aws = FakeAws::new([error("ConfirmSignUp", "AliasExistsException")]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("email-taken")));
    }

    #[tokio::test]
    async fn after_too_many_attempts_the_response_names_a_time() {
        let aws = FakeAws::new([error("ConfirmSignUp", "TooManyFailedAttemptsException")]);
        insta::assert_json_snapshot!(answer(&aws).await, @r#"
        {
          "status": 429,
          "headers": {
            "retry-after": "3600"
          },
          "body": {
            "code": "too-many-attempts",
            "detail": "There were too many attempts. Try again in an hour.",
            "status": 429,
            "title": "Too Many Requests",
            "type": "urn:darkroom:problem:too-many-attempts"
          }
        }
        "#);
    }
}

//! `POST /api/auth/confirm`: confirms a user with the code from the e-mail.

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

#[cfg(test)]
mod tests {
    use endpoint_test::{Answer, FakeAws, TestRequest, error, ok};
    use serde_json::json;

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

//! `POST /api/auth/email/confirm`: confirms a new e-mail address with the code from the e-mail. From then on, it
//! replaces the old one.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request};
use auth::{Code, Pool, code_of, session_ended};
use lambda_http::tracing::warn;
use serde::Deserialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| confirm(&pool, &records, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    code: Code,
}

async fn confirm(pool: &Pool, records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    let verify = pool.cognito.verify_user_attribute().access_token(api::bearer(&request)?);
    let verify = verify.attribute_name("email").code(body.code.as_str());
    verify.send().await.map_err(|error| match code_of(&error) {
        // Cognito checks the code first, so only the owner of the address learns this.
        "AliasExistsException" => Problem::new(
            ProblemCode::EmailTaken,
            "Another user has confirmed this e-mail address. Choose another address.",
        ),
        _ => session_ended(error),
    })?;
    // The address is confirmed. If this fails, the item expires, and the profile does not show it.
    if let Err(error) = records.delete_pending_email(&caller.user).await {
        warn!(cause = aws::causes(&error), "the item of a confirmed e-mail address was not deleted");
    }
    api::no_content()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").json(&json!({"code": "123456"})).build();
        confirm(&Pool::new(&aws.config(), "client".to_owned()), &aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn the_right_code_confirms_the_address() {
        let aws = FakeAws::new([ok("VerifyUserAttribute", json!({})), ok("DeleteItem", json!({}))]);
        assert_eq!(answer(&aws).await.status, 204);
        let expected = json!({"AccessToken": "token", "AttributeName": "email", "Code": "123456"});
        assert_eq!(aws.calls()[0].1, expected);
    }

    #[tokio::test]
    async fn the_address_is_confirmed_even_if_its_item_stays() {
        let aws = FakeAws::new([
            ok("VerifyUserAttribute", json!({})),
            error("DeleteItem", "ProvisionedThroughputExceededException"),
        ]);
        assert_eq!(answer(&aws).await.status, 204);
    }

    #[tokio::test]
    async fn each_failure_has_its_code() {
        for (exception, status, code) in [
            ("CodeMismatchException", 400, "code-mismatch"),
            ("ExpiredCodeException", 400, "code-expired"),
            ("AliasExistsException", 409, "email-taken"),
            ("LimitExceededException", 429, "too-many-attempts"),
            ("NotAuthorizedException", 401, "unauthorized"),
        ] {
            let aws = FakeAws::new([error("VerifyUserAttribute", exception)]);
            let answer = answer(&aws).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{exception}");
        }
    }
}

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
    // A user who wants to keep the present address deletes the item. Cognito cannot forget its code.
    if records.pending_email(&caller.user, domain::now()).await?.is_none() {
        return Err(Problem::new(
            ProblemCode::CodeMismatch,
            "No new e-mail address waits for a code. Change the address first.",
        ));
    }
    let verify = pool.cognito.verify_user_attribute().access_token(api::bearer(&request)?);
    let verify = verify.attribute_name("email").code(body.code.as_str());
    verify.send().await.map_err(|error| match code_of(&error) {
        // Cognito checks the code first, so only the owner of the address learns this. Until then, the address stays with
        // the other user ("UserAttributeUpdateSettingsType", Amazon Cognito API Reference).
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
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, error, item, ok};

    use super::*;

    /// An address waits for its code until this time, in seconds since 1970.
    fn pending(expires_at: i64) -> (&'static str, u16, Value) {
        let pending = json!({
            "pk": format!("USER#{USER}"), "sk": "PENDING_EMAIL", "email": "new@example.com", "expires_at": expires_at,
        });
        ok("GetItem", item(&pending))
    }

    const LATER: i64 = 4_102_444_800;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").json(&json!({"code": "123456"})).build();
        confirm(&Pool::new(&aws.config(), "client".to_owned()), &aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn the_right_code_confirms_the_address() {
        let aws =
            FakeAws::new([pending(LATER), ok("VerifyUserAttribute", json!({})), ok("DeleteItem", json!({}))]);
        assert_eq!(answer(&aws).await.status, 204);
        let expected = json!({"AccessToken": "token", "AttributeName": "email", "Code": "123456"});
        assert_eq!(aws.calls()[1].1, expected);
    }

    #[tokio::test]
    async fn the_code_of_a_withdrawn_address_confirms_nothing() {
        for stored in [ok("GetItem", json!({})), pending(1)] {
            let aws = FakeAws::new([stored]);
            let answer = answer(&aws).await;
            assert_eq!((answer.status, &answer.body["code"]), (400, &json!("code-mismatch")));
            assert_eq!(aws.operations(), ["GetItem"]);
        }
    }

    #[tokio::test]
    async fn the_address_is_confirmed_even_if_its_item_stays() {
        let aws = FakeAws::new([
            pending(LATER),
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
            let aws = FakeAws::new([pending(LATER), error("VerifyUserAttribute", exception)]);
            let answer = answer(&aws).await;
            assert_eq!((answer.status, &answer.body["code"]), (status, &json!(code)), "{exception}");
        }
    }
}

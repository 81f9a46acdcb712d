//! `POST /api/webhooks/{id}/rotate`: replaces the secret of a webhook. For one more day, the old secret signs
//! deliveries too.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{Timestamp, WebhookSecret, WebhookSecrets};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| rotate(&records, request)).await
}

#[derive(Serialize)]
struct RotatedBody<'a> {
    secret: &'a str,
    previous_valid_until: Timestamp,
}

async fn rotate(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (id, now) = (api::path_id(&request)?, domain::now());
    let secret = WebhookSecret::generate();
    if !records.rotate_webhook_secret(&caller.user, id, &secret, now).await? {
        return Err(Problem::not_found());
    }
    let until = Timestamp::from_second(now.as_second() + WebhookSecrets::ROTATION_SECONDS);
    let previous_valid_until = until.map_err(Problem::internal)?;
    api::json(StatusCode::OK, &RotatedBody { secret: secret.reveal(), previous_valid_until })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, USER, error, item, ok};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").path("id", ID).build();
        rotate(&aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn the_new_secret_is_shown_and_the_old_one_is_kept() {
        let stored = || ok("GetItem", item(&json!({"current": "whsec_b2xk"})));
        // Another rotation comes first.
        let aws = FakeAws::new([
            stored(),
            error("PutItem", "ConditionalCheckFailedException"),
            stored(),
            ok("PutItem", json!({})),
        ]);
        let answer = answer(&aws).await;
        assert_eq!(answer.status, 200);
        let written = &aws.calls()[3].1["Item"];
        assert_eq!(written["current"]["S"], answer.body["secret"]);
        assert_eq!(written["previous"]["M"]["secret"]["S"], "whsec_b2xk");
    }

    #[tokio::test]
    async fn a_rotation_whose_answer_was_lost_rotates_once() {
        let new = WebhookSecret::generate();
        let stored = |secret: &str| ok("GetItem", item(&json!({"current": secret})));
        // The SDK repeats the write, and DynamoDB refuses the repetition.
        let aws = FakeAws::new([
            stored("whsec_b2xk"),
            error("PutItem", "ConditionalCheckFailedException"),
            stored(new.reveal()),
        ]);
        let (user, id, now) = (USER.parse().unwrap(), ID.parse().unwrap(), domain::now());
        assert!(aws.records().rotate_webhook_secret(&user, id, &new, now).await.unwrap());
        assert_eq!(aws.operations(), ["GetItem", "PutItem", "GetItem"]);
    }

    #[tokio::test]
    async fn a_webhook_that_does_not_exist_is_not_found() {
        assert_eq!(answer(&FakeAws::new([ok("GetItem", json!({}))])).await.status, 404);
    }
}

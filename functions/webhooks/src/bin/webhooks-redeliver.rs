//! `POST /api/webhooks/{id}/deliveries/{delivery_id}/redeliver`: repeats a delivery that has ended. The event keeps its
//! id.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use store::{Records, RedeliverError};
use webhooks::{DeliveryBody, delivery_in_path};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| redeliver(&records, request)).await
}

async fn redeliver(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (webhook, delivery) = (api::path_id(&request)?, delivery_in_path(&request)?);
    let outcome = records.request_redelivery(&caller.user, webhook, delivery, domain::now()).await;
    let delivery = outcome.map_err(|error| match error {
        RedeliverError::NotFound => Problem::not_found(),
        RedeliverError::Pending => Problem::new(
            ProblemCode::DeliveryPending,
            "This delivery has not ended yet. Wait for its last attempt, or create a test.",
        ),
        RedeliverError::Limit(error) => error.into(),
        RedeliverError::Call(error) => error.into(),
    })?;
    api::json(StatusCode::ACCEPTED, &DeliveryBody::from(&delivery))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, item, ok, profile, tier};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    fn stored(expires_at: i64) -> Value {
        let time = "2026-03-12T19:03:50Z";
        item(&json!({
            "delivery_id": ID, "webhook": ID, "status": "failed", "attempts": 8, "created_at": time,
            "expires_at": expires_at,
            "event": {
                "specversion": "1.0", "id": "evt_1", "source": "/darkroom/test", "type": "webhook.test",
                "subject": "webhooks/1", "time": time, "datacontenttype": "application/json",
                "data": {"user": "ann"},
            },
        }))
    }

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").path("id", ID).path("delivery_id", ID).build();
        redeliver(&aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn a_delivery_that_has_ended_is_repeated_with_the_same_event() {
        let aws = FakeAws::new([ok("GetItem", stored(9_999_999_999)), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("pending")));
        assert_eq!((&answer.body["event"]["id"], &answer.body["attempts"]), (&json!("evt_1"), &json!(8)));
        let job = aws.calls()[1].1["TransactItems"][2]["Put"]["Item"].clone();
        // The job of the first attempts has the id of the delivery.
        assert_ne!(job["id"]["S"], ID);
        assert_eq!(job["on_request"], json!({"BOOL": true}));
    }

    fn refused(reasons: [Value; 4]) -> FakeAws {
        let body = json!({
            "__type": "TransactionCanceledException", "message": "no", "CancellationReasons": reasons,
        });
        FakeAws::new([ok("GetItem", stored(9_999_999_999)), ("TransactWriteItems", 400, body)])
    }

    #[tokio::test]
    async fn who_asks_for_too_many_repetitions_waits() {
        let mut empty = profile(tier());
        empty["creation_bucket"] = json!(domain::now().as_millisecond() + 60_000);
        let none = || json!({"Code": "None"});
        let refusal = json!({"Code": "ConditionalCheckFailed", "Item": item(&empty)["Item"]});
        let answered = answer(&refused([none(), none(), none(), refusal])).await;
        assert_eq!((answered.status, &answered.body["code"]), (429, &json!("rate-limited")));
        assert!(answered.headers.contains_key("retry-after"), "{answered:?}");
    }

    #[tokio::test]
    async fn a_delivery_that_has_not_ended_or_does_not_exist_is_not_repeated() {
        let none = || json!({"Code": "None"});
        let pending = json!({"Code": "ConditionalCheckFailed", "Item": {"status": {"S": "pending"}}});
        let answered = answer(&refused([none(), pending, none(), none()])).await;
        assert_eq!((answered.status, &answered.body["code"]), (409, &json!("delivery-pending")));
        let gone = json!({"Code": "ConditionalCheckFailed"});
        assert_eq!(answer(&refused([gone, none(), none(), none()])).await.status, 404);
        for gone in [json!({}), stored(1)] {
            assert_eq!(answer(&FakeAws::new([ok("GetItem", gone)])).await.status, 404);
        }
    }
}

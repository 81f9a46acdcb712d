//! `POST /api/webhooks/{id}/test`: delivers an event of the type `webhook.test` to a webhook, even if it is disabled.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{DataContentType, Delivery, DeliveryId, Event, EventData, EventType, SpecVersion, WebhookId};
use store::Records;
use webhooks::DeliveryBody;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    let source = aws::var("EVENT_SOURCE")?;
    api::serve(|request| test(&records, &source, request)).await
}

async fn test(records: &Records, source: &str, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (webhook, now): (WebhookId, _) = (api::path_id(&request)?, domain::now());
    let stored = records.webhook(&caller.user, webhook).await?.ok_or_else(Problem::not_found)?;
    let id = DeliveryId::generate();
    let event = Event {
        specversion: SpecVersion::V1,
        id: format!("evt_{id}"),
        source: source.to_owned(),
        kind: EventType::WebhookTest,
        subject: format!("webhooks/{webhook}"),
        time: now,
        datacontenttype: DataContentType::Json,
        sequence: None,
        data: EventData::of_webhook(caller.user.clone(), webhook, stored.url.into()),
    };
    let delivery = Delivery::new(id, webhook, event, now);
    if !records.request_webhook_test(&caller.user, &delivery).await? {
        return Err(Problem::not_found());
    }
    api::json(StatusCode::ACCEPTED, &DeliveryBody::from(&delivery))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, item, ok, profile, tier};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("POST").path("id", ID).build();
        test(&aws.records(), "/darkroom/test", request).await.into()
    }

    fn stored() -> Value {
        item(&json!({
            "webhook_id": ID, "url": "https://example.com/", "enabled": false,
            "created_at": "2026-03-12T19:03:50Z", "updated_at": "2026-03-12T19:03:50Z",
        }))
    }

    #[tokio::test]
    async fn a_test_is_recorded_with_a_job_of_one_attempt() {
        let aws = FakeAws::new([ok("GetItem", stored()), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("pending")));
        assert_eq!(answer.body["event"]["type"], "webhook.test");
        let items = aws.calls()[1].1["TransactItems"].clone();
        assert_eq!(items[2]["Put"]["Item"]["on_request"], json!({"BOOL": true}));
    }

    #[tokio::test]
    async fn who_asks_for_too_many_tests_waits() {
        let mut empty = profile(tier());
        empty["creation_bucket"] = json!(domain::now().as_millisecond() + 60_000);
        let none = || json!({"Code": "None"});
        let refusal = json!({"Code": "ConditionalCheckFailed", "Item": item(&empty)["Item"]});
        let cancelled = json!({
            "__type": "TransactionCanceledException", "message": "no",
            "CancellationReasons": [none(), none(), none(), refusal],
        });
        let aws = FakeAws::new([ok("GetItem", stored()), ("TransactWriteItems", 400, cancelled)]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (429, &json!("rate-limited")));
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_webhook_that_does_not_exist_is_not_found() {
        assert_eq!(answer(&FakeAws::new([ok("GetItem", json!({}))])).await.status, 404);
    }
}

//! `GET /api/webhooks`: lists the caller's webhooks, the oldest first.

use api::{Caller, Error, Reply, Request, StatusCode};
use serde::Serialize;
use store::Records;
use webhooks::WebhookBody;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| list(&records, request)).await
}

#[derive(Debug, Serialize)]
struct ListBody<'a> {
    webhooks: Vec<WebhookBody<'a>>,
}

async fn list(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let webhooks = records.webhooks(&caller.user).await?;
    api::json(StatusCode::OK, &ListBody { webhooks: webhooks.iter().map(WebhookBody::from).collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, items, ok};

    use super::*;

    fn webhook(id: &str, events: Value) -> Value {
        json!({
            "webhook_id": id, "url": "https://example.com/", "events": events, "enabled": true,
            "created_at": "2026-03-12T19:03:50Z", "updated_at": "2026-03-12T19:03:50Z",
        })
    }

    #[tokio::test]
    async fn a_webhook_that_cannot_be_read_is_left_out() {
        let webhooks = [
            webhook("01JZ8Q4T2N6V5X3R9C7M1K0B8D", json!(["image.painted"])),
            webhook("01JZ8Q4T2N6V5X3R9C7M1K0B8E", json!(["image.ready"])),
        ];
        let aws = FakeAws::new([ok("Query", items(&webhooks))]);
        let answer: Answer = list(&aws.records(), TestRequest::new("GET").build()).await.into();
        assert_eq!(answer.status, 200);
        let ids: Vec<&Value> =
            answer.body["webhooks"].as_array().unwrap().iter().map(|webhook| &webhook["id"]).collect();
        assert_eq!(ids, [&json!("01JZ8Q4T2N6V5X3R9C7M1K0B8E")]);
    }
}

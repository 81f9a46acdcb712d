//! `PATCH /api/webhooks/{id}`: changes a webhook. `enabled: true` also starts the deliveries again that Darkroom has
//! stopped.

use api::{Caller, Error, Problem, Reply, Request, StatusCode, nullable};
use domain::{Description, WebhookEvents, WebhookUrl};
use providers::Reach;
use serde::Deserialize;
use store::{Records, WebhookChange};
use webhooks::{WebhookBody, check_url};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (records, reach) = (Records::from_env(&aws::config()?)?, Reach::from_env()?);
    api::serve(|request| update(&records, reach, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    url: Option<WebhookUrl>,
    #[serde(default, deserialize_with = "nullable")]
    events: Option<Option<WebhookEvents>>,
    #[serde(default, deserialize_with = "nullable")]
    description: Option<Option<Description>>,
    enabled: Option<bool>,
}

async fn update(records: &Records, reach: Reach, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { url, events, description, enabled } = api::body(&request)?;
    if let Some(url) = &url {
        check_url(reach, url).await?;
    }
    let change = WebhookChange { url, events, description, enabled };
    let webhook = records.update_webhook(&caller.user, id, &change, domain::now()).await?;
    api::json(StatusCode::OK, &WebhookBody::from(&webhook.ok_or_else(Problem::not_found)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, ok};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("PATCH").path("id", ID).json(body).build();
        update(&aws.records(), Reach::Public, request).await.into()
    }

    fn updated() -> Value {
        json!({"Attributes": {
            "webhook_id": {"S": ID}, "url": {"S": "https://example.com/"}, "enabled": {"BOOL": true},
            "created_at": {"S": "2026-03-12T19:03:50Z"}, "updated_at": {"S": "2026-03-12T19:03:50Z"},
        }})
    }

    #[tokio::test]
    async fn enabling_forgets_why_the_deliveries_stopped() {
        let aws = FakeAws::new([ok("UpdateItem", updated())]);
        let answer = answer(&aws, &json!({"enabled": true, "events": null})).await;
        assert_eq!((answer.status, &answer.body["enabled"]), (200, &json!(true)));
        let expression = aws.calls()[0].1["UpdateExpression"].as_str().unwrap().to_owned();
        assert!(expression.ends_with("REMOVE #events, #disabled"), "{expression}");
    }

    #[tokio::test]
    async fn disabling_keeps_the_rest() {
        let aws = FakeAws::new([ok("UpdateItem", updated())]);
        answer(&aws, &json!({"enabled": false})).await;
        let expression = aws.calls()[0].1["UpdateExpression"].as_str().unwrap().to_owned();
        assert!(!expression.contains("REMOVE") && !expression.contains("#url"), "{expression}");
    }

    #[tokio::test]
    async fn a_webhook_that_does_not_exist_is_not_found_and_a_private_address_is_refused() {
        let aws = FakeAws::new([error("UpdateItem", "ConditionalCheckFailedException")]);
        assert_eq!(answer(&aws, &json!({"enabled": true})).await.status, 404);
        let aws = FakeAws::new([]);
        let answer = answer(&aws, &json!({"url": "https://10.0.0.1/"})).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("url")));
    }
}

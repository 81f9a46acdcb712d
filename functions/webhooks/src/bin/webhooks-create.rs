//! `POST /api/webhooks`: creates a webhook, to which Darkroom delivers the caller's events. Only this response and that
//! of a rotation contain the secret.

use api::{Caller, Error, Reply, Request, StatusCode};
use domain::{Description, Webhook, WebhookEvents, WebhookId, WebhookSecrets, WebhookUrl};
use providers::Reach;
use serde::{Deserialize, Serialize};
use store::Records;
use webhooks::{WebhookBody, check_url, problem};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (records, reach) = (Records::from_env(&aws::config()?)?, Reach::from_env()?);
    api::serve(|request| create(&records, reach, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    url: WebhookUrl,
    events: Option<WebhookEvents>,
    description: Option<Description>,
    enabled: Option<bool>,
}

#[derive(Serialize)]
struct CreatedBody<'a> {
    #[serde(flatten)]
    webhook: WebhookBody<'a>,
    secret: &'a str,
}

async fn create(records: &Records, reach: Reach, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    check_url(reach, &body.url).await?;
    let now = domain::now();
    let webhook = Webhook {
        id: WebhookId::generate(),
        url: body.url,
        events: body.events,
        description: body.description,
        enabled: body.enabled.unwrap_or(true),
        disabled: None,
        created_at: now,
        updated_at: now,
        last_success_at: None,
    };
    let secrets = WebhookSecrets::new();
    records.create_webhook(&caller.user, &webhook, &secrets).await.map_err(problem)?;
    let secret = secrets.current.reveal();
    api::json(StatusCode::CREATED, &CreatedBody { webhook: (&webhook).into(), secret })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, item, ok, refused, tier};

    use super::*;

    /// The items of the transaction that change the count and the profile, and the number of its items.
    const COUNT: usize = 0;
    const PROFILE: usize = 3;
    const ITEMS: usize = 4;

    fn written() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("POST").json(body).build();
        create(&aws.records(), Reach::Public, request).await.into()
    }

    fn good() -> Value {
        json!({"url": "https://93.184.216.34/hook", "events": ["image.ready", "image.failed", "image.ready"]})
    }

    #[tokio::test]
    async fn a_webhook_is_created_and_its_secret_is_shown() {
        let aws = FakeAws::new([written()]);
        let answer = answer(&aws, &good()).await;
        insta::assert_json_snapshot!(answer, {
            ".body.id" => "[id]", ".body.secret" => "[secret]", ".body.created_at" => "[time]",
            ".body.updated_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "created_at": "[time]",
            "description": null,
            "disabled": null,
            "enabled": true,
            "events": [
              "image.ready",
              "image.failed"
            ],
            "id": "[id]",
            "last_success_at": null,
            "secret": "[secret]",
            "updated_at": "[time]",
            "url": "https://93.184.216.34/hook"
          }
        }
        "#);
        let secret = answer.body["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_"));
        // The item of the webhook itself, which lists read, does not contain the secret.
        let (_, input) = &aws.calls()[0];
        let items = input["TransactItems"].as_array().unwrap();
        let with_secret: Vec<&str> = items
            .iter()
            .filter(|item| item.to_string().contains(secret))
            .filter_map(|item| item["Put"]["Item"]["sk"]["S"].as_str()?.split('#').next())
            .collect();
        assert_eq!(with_secret, ["WEBHOOKSECRETS"]);
    }

    #[tokio::test]
    async fn the_eleventh_webhook_and_one_of_a_deleted_account_are_refused() {
        let full = item(&json!({"webhooks": 10}));
        let refusal = answer(&FakeAws::new([refused(COUNT, ITEMS, &full)]), &good()).await;
        assert_eq!((refusal.status, &refusal.body["limit"]), (409, &json!("max_webhooks")));
        let deleted = item(&json!({"deleting_since": "2026-03-12T19:03:50Z"}));
        let refusal = answer(&FakeAws::new([refused(PROFILE, ITEMS, &deleted)]), &good()).await;
        assert_eq!((refusal.status, &refusal.body["code"]), (401, &json!("unauthorized")));
    }

    #[tokio::test]
    async fn the_webhook_of_a_new_user_creates_the_profile() {
        let aws =
            FakeAws::new([refused(PROFILE, ITEMS, &json!({})), ok("GetItem", item(&tier())), written()]);
        assert_eq!(answer(&aws, &good()).await.status, 201);
        let profile = &aws.calls()[2].1["TransactItems"][PROFILE]["Put"]["Item"];
        assert_eq!((&profile["sk"]["S"], &profile["tier"]["S"]), (&json!("PROFILE"), &json!("basic")));
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        for (field, value) in [
            ("url", json!("https://127.0.0.1/")),
            ("url", json!("https://localhost/")),
            ("url", json!("http://93.184.216.34/")),
            ("url", json!("https://ann@93.184.216.34/")),
            ("url", json!(1)),
            ("events", json!([])),
            ("events", json!(["account.deleted"])),
            ("description", json!("")),
            ("enabled", json!("yes")),
            ("secret", json!("whsec_x")),
        ] {
            let mut body = good();
            body[field] = value;
            let aws = FakeAws::new([]);
            let answer = answer(&aws, &body).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{body}");
            assert!(aws.calls().is_empty());
        }
    }
}

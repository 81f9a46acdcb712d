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

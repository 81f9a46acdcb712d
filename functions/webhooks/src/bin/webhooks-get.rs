//! `GET /api/webhooks/{id}`: returns a webhook.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use store::Records;
use webhooks::WebhookBody;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| get(&records, request)).await
}

async fn get(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let webhook = records.webhook(&caller.user, api::path_id(&request)?).await?;
    api::json(StatusCode::OK, &WebhookBody::from(&webhook.ok_or_else(Problem::not_found)?))
}

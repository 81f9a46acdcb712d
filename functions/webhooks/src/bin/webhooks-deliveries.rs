//! `GET /api/webhooks/{id}/deliveries`: returns a page of the deliveries to a webhook, newest first.

use api::{Caller, CursorKey, Error, PageItems, Problem, Query, Reply, Request, StatusCode};
use domain::WebhookId;
use serde::Serialize;
use serde_json::value::RawValue;
use store::Records;
use webhooks::DeliveryBody;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (records, key) = (Records::from_env(&aws::config()?)?, CursorKey::from_env()?);
    api::serve(|request| list(&records, &key, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody {
    deliveries: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (webhook, query): (WebhookId, _) = (api::path_id(&request)?, Query::of(&request));
    let (limit, filter) = (query.limit()?, webhook.to_string());
    let cursor = key.of("webhooks-deliveries", &caller.user, &filter);
    let after = query.cursor(&cursor)?;
    let (stored, page) = tokio::try_join!(
        records.webhook(&caller.user, webhook),
        records.deliveries(&caller.user, webhook, after, limit, domain::now()),
    )?;
    stored.ok_or_else(Problem::not_found)?;
    let mut deliveries = PageItems::default();
    for delivery in &page.items {
        if !deliveries.push(delivery.id, &DeliveryBody::from(delivery))? {
            break;
        }
    }
    let (deliveries, next) = deliveries.finish(page.next);
    api::json(StatusCode::OK, &PageBody { deliveries, next_cursor: next.map(|id| cursor.encode(id)) })
}

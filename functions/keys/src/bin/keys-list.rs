//! `GET /api/keys`: lists the caller's API keys that work, the oldest first.

use api::{Caller, Error, Reply, Request, StatusCode};
use keys::KeyBody;
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| list(&records, request)).await
}

#[derive(Debug, Serialize)]
struct ListBody<'a> {
    keys: Vec<KeyBody<'a>>,
}

async fn list(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let keys = records.api_keys(&caller.user, domain::now()).await?;
    api::json(StatusCode::OK, &ListBody { keys: keys.iter().map(KeyBody::from).collect() })
}

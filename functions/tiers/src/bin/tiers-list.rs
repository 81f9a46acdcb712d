//! `GET /api/account-tiers`: returns all tiers, the smallest first. Public.

use api::{Error, Reply, StatusCode, TierBody};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|_| list(&records)).await
}

#[derive(Debug, Serialize)]
struct TiersBody {
    account_tiers: Vec<TierBody>,
}

async fn list(records: &Records) -> Reply {
    let account_tiers = records.tiers().await?.into_iter().map(TierBody::from).collect();
    api::json(StatusCode::OK, &TiersBody { account_tiers })
}

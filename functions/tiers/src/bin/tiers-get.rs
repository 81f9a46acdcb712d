//! `GET /api/account-tiers/{id}`: one tier; for everybody.

use api::{Error, Problem, Reply, Request, StatusCode, TierBody};
use domain::TierId;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| get(&records, request)).await
}

async fn get(records: &Records, request: Request) -> Reply {
    let id = TierId::try_from(api::path(&request, "id").to_owned()).map_err(|_| Problem::not_found())?;
    let tier = records.tier(&id).await?.ok_or_else(Problem::not_found)?;
    api::json(StatusCode::OK, &TierBody::from(tier))
}

//! `DELETE /api/keys/{id}`: revokes an API key. The gateway caches results of the authorizer, so the key can work for
//! one more minute.

use api::{Caller, Error, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| revoke(&records, request)).await
}

async fn revoke(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    api::deleted(records.delete_api_key(&caller.user, api::path_id(&request)?, domain::now()).await?)
}

//! `DELETE /api/webhooks/{id}`: deletes a webhook with its secret. Deliveries that wait for an attempt are not made.

use api::{Caller, Error, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    api::deleted(records.delete_webhook(&caller.user, api::path_id(&request)?).await?)
}

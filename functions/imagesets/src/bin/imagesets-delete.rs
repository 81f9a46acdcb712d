//! `DELETE /api/imagesets/{id}`: deletes a set and the images in its slots.

use api::{Caller, Error, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    api::deleted(records.delete_set(&caller.user, id, None).await?)
}

//! `DELETE /api/imagesets/{id}`: removes a set with the images in its slots.

use api::{Caller, Error, Problem, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    if records.delete_set(&caller.user, id, domain::now()).await? {
        api::no_content()
    } else {
        Err(Problem::not_found())
    }
}

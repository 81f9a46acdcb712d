//! `DELETE /api/admin/images/{id}`: deletes an image of any user.

use api::{Caller, Error, Problem, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let (id, now) = (api::path_id(&request)?, domain::now());
    let owned = records.admin_image(id, now).await?.ok_or_else(Problem::not_found)?;
    api::deleted(records.delete_known_image(&owned.user, &owned.image, now).await?)
}

//! `GET /api/admin/images/{id}`: returns an image of any user.

use admin::OwnedBody;
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let (id, now) = (api::path_id(&request)?, domain::now());
    let owned = records.admin_image(id, now).await?.ok_or_else(Problem::not_found)?;
    api::json(StatusCode::OK, &OwnedBody::new(&owned, objects, now).await?)
}

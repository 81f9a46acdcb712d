//! `GET /api/admin/imagesets/{id}`: returns an image set of any user.

use admin::OwnedSetImages;
use api::{Caller, Error, ImageParts, Problem, Reply, Request, StatusCode};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let sets = [records.admin_set(id).await?.ok_or_else(Problem::not_found)?];
    let images = OwnedSetImages::of(&sets, records, objects, ImageParts::ALL, domain::now()).await?;
    api::json(StatusCode::OK, &images.show(&sets[0]))
}

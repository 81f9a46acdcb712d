//! `GET /api/images/{id}`: one image, with the addresses that the caller's tier allows.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let now = domain::now();
    let found = records.image_and_profile(&caller.user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    let links = objects.links(&caller.user, &image, &profile.limits, now).await?;
    api::json(StatusCode::OK, &ImageBody::new(&image, links))
}

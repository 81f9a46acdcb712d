//! `GET /api/imagesets/{id}`: returns a set with its images.

use api::{Caller, Error, ImageParts, Problem, Reply, Request, StatusCode};
use imagesets::SetImages;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let user = &caller.user;
    let id = api::path_id(&request)?;
    let (set, profile) = tokio::try_join!(records.set(user, id), records.profile_or_default(user))?;
    let sets = [set.ok_or_else(Problem::not_found)?];
    let (tier, parts) = (&profile.limits, ImageParts::ALL);
    let images = SetImages::of(&sets, records, objects, user, tier, parts, domain::now()).await?;
    api::json(StatusCode::OK, &images.show(&sets[0]))
}

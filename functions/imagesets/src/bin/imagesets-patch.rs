//! `PATCH /api/imagesets/{id}`: changes the texts of a set. It keeps the texts that the body leaves out.

use api::{Caller, Error, ImageParts, Problem, Reply, Request, StatusCode};
use domain::{Description, SetChange, Title};
use imagesets::SetImages;
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| patch(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
}

async fn patch(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let user = &caller.user;
    let id = api::path_id(&request)?;
    let Body { title, description } = api::body(&request)?;
    let (change, now) = (SetChange { title, description }, domain::now());
    let (set, profile) =
        tokio::try_join!(records.change_set(user, id, &change, now), records.profile_or_default(user))?;
    let sets = [set.ok_or_else(Problem::not_found)?];
    let (tier, parts) = (&profile.limits, ImageParts::ALL);
    let images = SetImages::of(&sets, records, objects, user, tier, parts, now).await?;
    api::json(StatusCode::OK, &images.show(&sets[0]))
}

//! `POST /api/images/{id}/edits`: requests a new picture from an AI model. The response contains the new image. Its
//! picture appears later.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use domain::{Links, Prompt};
use serde::{Deserialize, Serialize};
use store::{Change, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| edit(&records, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    prompt: Prompt,
}

#[derive(Debug, Serialize)]
struct AcceptedBody<'a> {
    image: ImageBody<'a>,
}

async fn edit(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { prompt } = api::body(&request)?;
    api::require_ai()?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let source = records.image(&caller.user, id, now).await?.ok_or_else(Problem::not_found)?;
    if source.picture.is_none() {
        return Err(Problem::image_not_ready(source.status));
    }
    let unchanged = Change::default();
    let (_source, edit) =
        records.edit_image(&caller.user, &source, prompt, &unchanged, key.as_ref(), now).await?;
    api::json(StatusCode::ACCEPTED, &AcceptedBody { image: ImageBody::new(&edit, Links::default()) })
}

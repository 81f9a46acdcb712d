//! `POST /api/images/{id}/edits`: requests a new picture from an AI model. The response contains the new image. Its
//! picture appears later.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use domain::{InvalidField, Links, Prompt};
use serde::{Deserialize, Serialize};
use store::{Change, Records};
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    let default = default_prompt(&aws::var("DEFAULT_EDIT_PROMPT")?)?;
    api::serve(|request| edit(&records, default.as_ref(), request)).await
}

/// The stack's prompt for requests without one. `None` if it is empty; then a request needs a prompt.
fn default_prompt(text: &str) -> Result<Option<Prompt>, InvalidField> {
    if text.is_empty() { Ok(None) } else { Prompt::try_from(text.to_owned()).map(Some) }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    prompt: Option<Prompt>,
}

#[derive(Debug, Serialize)]
struct AcceptedBody<'a> {
    image: ImageBody<'a>,
}

async fn edit(records: &Records, default: Option<&Prompt>, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { prompt } = api::body(&request)?;
    let prompt = prompt
        .or_else(|| default.cloned())
        .ok_or_else(|| Problem::invalid_field("prompt", "prompt: say what to change in the picture"))?;
    api::require_ai()?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let source = records.image(&caller.user, id, now).await?.ok_or_else(Problem::not_found)?;
    if source.picture.is_none() {
        return Err(Problem::image_not_ready(source.status));
    }
    let unchanged = Change::default();
    let (_source, edit) =
        records.edit_image(&caller.user, &source, prompt, &unchanged, key.as_ref(), now).await?;
    info!(edit = %edit.id, "edit requested");
    api::json(StatusCode::ACCEPTED, &AcceptedBody { image: ImageBody::new(&edit, Links::default()) })
}

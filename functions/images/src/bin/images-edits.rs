//! `POST /api/images/{id}/edits`: requests a new picture from an AI model. The response contains the new image. Its
//! picture appears later.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use domain::{Image, ImageId, InvalidField, Links, Prompt, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Change, IdempotencyKey, Records};
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
    let edit = request_edit(records, (&caller.user, id), prompt, key.as_ref(), now).await?;
    info!(edit = %edit.id, "edit requested");
    api::json(StatusCode::ACCEPTED, &AcceptedBody { image: ImageBody::new(&edit, Links::default()) })
}

/// Requests an edit of an image. Returns the new image.
async fn request_edit(
    records: &Records,
    (user, id): (&UserId, ImageId),
    prompt: Prompt,
    key: Option<&IdempotencyKey>,
    now: Timestamp,
) -> Result<Image, Problem> {
    let refusal = match records.image(user, id, now).await? {
        Some(source) if source.picture.is_some() => {
            let unchanged = Change::default();
            let (_source, edit) = records.edit_image(user, &source, prompt, &unchanged, key, now).await?;
            return Ok(edit);
        }
        Some(source) => Problem::image_not_ready(source.status),
        None => Problem::not_found(),
    };
    // The image may have been deleted after the first request.
    let before: Option<Vec<Image>> = records.created_before(user, key, now).await?;
    before.and_then(|edits| edits.into_iter().next()).ok_or(refusal)
}

#[cfg(test)]
mod tests {
    use api::ProblemCode;
    use serde_json::json;
    use test_support::{FakeAws, IMAGE_ID, USER, item, ok, ready_image, tier};

    use super::*;

    #[tokio::test]
    async fn a_repeated_request_has_its_answer_although_the_image_was_deleted() {
        let (user, id) = (USER.parse().unwrap(), IMAGE_ID.parse().unwrap());
        let ask = async |aws: &FakeAws, request: &str| {
            let key = IdempotencyKey { key: "k".to_owned(), request: request.to_owned() };
            let prompt = Prompt::try_from("A hat".to_owned()).unwrap();
            request_edit(&aws.records(), (&user, id), prompt, Some(&key), domain::now()).await
        };
        let first_aws = FakeAws::new([
            ok("GetItem", item(&ready_image())),
            ok("GetItem", item(&tier())),
            ok("TransactWriteItems", json!({})),
        ]);
        let first = ask(&first_aws, "same").await.unwrap();
        let deleted = || FakeAws::new([ok("GetItem", json!({})), ok("GetItem", first_aws.stored_answer())]);
        assert_eq!(ask(&deleted(), "same").await.unwrap().id, first.id);
        let other = ask(&deleted(), "another").await.unwrap_err();
        assert_eq!(other.code(), ProblemCode::NotFound);
    }
}

//! `POST /api/images/{id}/analysis`: requests an analysis of the picture by an AI model. The result appears
//! in the image's `analysis`.

use api::{Caller, Error, ImageBody, Reply, Request, StatusCode};
use domain::{Links, Prompt};
use serde::{Deserialize, Serialize};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| analyze(&records, request)).await
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

async fn analyze(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { prompt } = api::body(&request)?;
    api::require_ai()?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let image = records.request_analysis(&caller.user, id, prompt, key.as_ref(), now).await?;
    // Without addresses, the role of this function needs no access to the pictures.
    api::json(StatusCode::ACCEPTED, &AcceptedBody { image: ImageBody::new(&image, Links::default()) })
}

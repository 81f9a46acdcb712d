//! `POST /api/images`: makes a pending image and signs its upload. With a wish for an analysis or an edit, that
//! begins once the picture is there; the edit's own image is made, and counted, now.

use api::{Caller, CreatedBody, Error, PendingUploads, Problem, Reply, Request, StatusCode};
use domain::{
    ContentType, Description, FileName, Image, NewImage, Prompt, Sha256, Title, Upload, UploadSize,
};
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| create(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    file_name: FileName,
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
    title: Option<Title>,
    description: Option<Description>,
    #[serde(default)]
    analyze: bool,
    edit_prompt: Option<Prompt>,
}

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    if body.analyze || body.edit_prompt.is_some() {
        api::require_ai()?;
    }
    let (now, once) = (domain::now(), api::once(&request)?);
    let (analyze, edit_prompt) = (body.analyze, body.edit_prompt.clone());
    let images = Image::pending(body.into(), now).with_deferred_jobs(analyze, edit_prompt, now);
    let PendingUploads { images, at } =
        api::create_uploads(records, objects, &caller.user, images, once.as_ref(), now).await?;
    let (image, ticket) = images.into_iter().next().ok_or_else(|| Problem::internal("no image was made"))?;
    api::json(StatusCode::CREATED, &CreatedBody::new(&image, ticket, at))
}

impl From<Body> for NewImage {
    fn from(body: Body) -> Self {
        Self {
            file_name: body.file_name,
            title: body.title,
            description: body.description,
            upload: Upload {
                content_type: body.content_type,
                size: body.size,
                checksum_sha256: body.checksum_sha256,
            },
        }
    }
}

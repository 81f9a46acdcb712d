//! `POST /api/imagesets/{id}/images`: creates a pending image in a slot of a set and signs its upload.

use api::{Caller, CreatedBody, Error, PendingUploads, Problem, Reply, Request, StatusCode};
use domain::{
    ContentType, Description, FileName, Image, NewImage, Prompt, SetPlace, Sha256, Slot, Title, Upload,
    UploadSize,
};
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| upload(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    image_type: Slot,
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

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    if body.analyze || body.edit_prompt.is_some() {
        api::require_ai()?;
    }
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let place = SetPlace { id, image_type: body.image_type };
    let (analyze, edit_prompt) = (body.analyze, body.edit_prompt.clone());
    let image = Image { set: Some(place), ..Image::pending(body.into(), now) };
    let images = image.with_deferred_jobs(analyze, edit_prompt, now);
    let PendingUploads { images, at } =
        api::create_images(records, objects, &caller.user, images, key.as_ref(), now).await?;
    let (image, upload) =
        images.into_iter().next().ok_or_else(|| Problem::internal("no image was created"))?;
    api::json(StatusCode::CREATED, &CreatedBody::new(&image, upload, at))
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

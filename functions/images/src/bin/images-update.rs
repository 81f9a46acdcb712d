//! `PATCH /api/images/{id}`: changes what is said of an image, and begins a new version of its picture.

use api::{Caller, CreatedBody, Error, ImageBody, Object, Problem, Reply, Request, StatusCode, UploadBody};
use domain::{ContentType, Description, FileName, Sha256, Title, Upload, UploadSize};
use serde::Deserialize;
use store::{Change, Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| update(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    file_name: Option<FileName>,
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
    replace: Option<Object<Replace>>,
    edit_prompt: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
}

async fn update(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    if body.edit_prompt.is_some() {
        return Err(Problem::ai_not_configured());
    }
    let (user, now) = (&caller.user, domain::now());
    let change = Change { file_name: body.file_name, title: body.title, description: body.description };
    let Some(Object(replace)) = body.replace else {
        let (image, profile) =
            tokio::try_join!(records.change_image(user, id, &change, now), records.profile_or_default(user))?;
        let image = image.ok_or_else(Problem::not_found)?;
        let links = objects.links(user, &image, &profile.limits, now).await?;
        return api::json(StatusCode::OK, &ImageBody::new(&image, links));
    };
    let (image, profile) = tokio::try_join!(
        async { Ok::<_, Problem>(records.replace_image(user, id, &replace.into(), &change, now).await?) },
        async { Ok(records.profile_or_default(user).await?) },
    )?;
    let links = objects.links(user, &image, &profile.limits, now).await?;
    let ticket = objects.upload_ticket(user, &image, now).await?;
    let body = CreatedBody { image: ImageBody::new(&image, links), upload: UploadBody::new(ticket, now) };
    api::json(StatusCode::OK, &body)
}

impl From<Replace> for Upload {
    fn from(body: Replace) -> Self {
        Self { content_type: body.content_type, size: body.size, checksum_sha256: body.checksum_sha256 }
    }
}

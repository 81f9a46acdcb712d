//! `PATCH /api/images/{id}`: changes the texts of an image. It can also start a new version of the picture, or request an
//! edit.

use api::{Caller, CreatedBody, Error, ImageBody, Object, Problem, Reply, Request, StatusCode, UploadBody};
use domain::{
    ContentType, Description, FileName, ImageId, Prompt, Sha256, Status, Title, Upload, UploadSize, UserId,
};
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
    edit_prompt: Option<Prompt>,
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
    let (user, now) = (&caller.user, domain::now());
    let change = Change { file_name: body.file_name, title: body.title, description: body.description };
    if let Some(prompt) = body.edit_prompt {
        api::require_ai()?;
        if body.replace.is_some() {
            let detail =
                "edit_prompt: cannot be combined with replace. Send it when the new picture is ready";
            return Err(Problem::invalid_field("edit_prompt", detail));
        }
        return edit(records, objects, (user, id), &change, prompt).await;
    }
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

/// Requests an edit of the current picture, or of the first picture if the image waits for its upload.
async fn edit(
    records: &Records,
    objects: &Objects,
    (user, id): (&UserId, ImageId),
    change: &Change,
    prompt: Prompt,
) -> Reply {
    let now = domain::now();
    let found = records.image_and_profile(user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    if image.picture.is_none() && (image.status != Status::Pending || image.awaits_edit()) {
        return Err(Problem::image_not_ready(image.status));
    }
    let (image, _edit) = records.edit_image(user, &image, prompt, change, None, now).await?;
    let links = objects.links(user, &image, &profile.limits, now).await?;
    api::json(StatusCode::OK, &ImageBody::new(&image, links))
}

impl From<Replace> for Upload {
    fn from(body: Replace) -> Self {
        Self { content_type: body.content_type, size: body.size, checksum_sha256: body.checksum_sha256 }
    }
}

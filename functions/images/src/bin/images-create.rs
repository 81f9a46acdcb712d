//! `POST /api/images`: makes a pending image and signs its upload.

use api::{
    Caller, CreatedBody, Error, ErrorStatus, ImageBody, Problem, Reply, Request, StatusCode, UploadBody,
};
use domain::{ContentType, Description, FileName, Image, Links, NewImage, Sha256, Title, Upload, UploadSize};
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
    edit_prompt: Option<String>,
}

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    if body.analyze || body.edit_prompt.is_some() {
        return Err(ai_not_configured());
    }
    let now = domain::now();
    let image = Image::pending(body.into(), now);
    // Signed first: it calls nobody, and a record without an upload would be of no use.
    let ticket = objects.upload_ticket(&caller.user, &image, now).await?;
    records.create_image(&caller.user, &image).await?;
    let created =
        CreatedBody { image: ImageBody::new(&image, Links::default()), upload: UploadBody::new(ticket, now) };
    api::json(StatusCode::CREATED, &created)
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

fn ai_not_configured() -> Problem {
    Problem::new(
        ErrorStatus::NotImplemented,
        "ai-not-configured",
        "This deployment has no AI provider. Send the image without analyze and edit_prompt.",
    )
}

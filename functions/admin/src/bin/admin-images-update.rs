//! `PATCH /api/admin/images/{id}`: changes the texts of an image of any user.

use admin::{AuditTrail, OwnedBody, present_fields};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{AuditAction, Description, FileName, Title};
use serde::Deserialize;
use store::{Change, Objects, OwnedImage, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| update(&records, &objects, &audit, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    file_name: Option<FileName>,
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
}

async fn update(records: &Records, objects: &Objects, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    let fields = present_fields([
        ("file_name", body.file_name.is_some()),
        ("title", body.title.is_some()),
        ("description", body.description.is_some()),
    ]);
    let Body { file_name, title, description } = body;
    let change = Change { file_name, title, description, ..Change::default() };
    let now = domain::now();
    let owned = records.admin_image(id, now).await?.ok_or_else(Problem::not_found)?;
    let entry = audit.image(&caller, AuditAction::UpdateImage, &owned, fields);
    let user = owned.user;
    let image = records.change_image_audited(&user, id, &change, &entry, now).await?;
    let image = image.ok_or_else(Problem::not_found)?;
    let owned = OwnedImage { user, image };
    api::json(StatusCode::OK, &OwnedBody::new(&owned, objects, now).await?)
}

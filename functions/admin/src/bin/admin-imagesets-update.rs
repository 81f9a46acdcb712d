//! `PATCH /api/admin/imagesets/{id}`: changes the texts of an image set of any user.

use admin::{AuditTrail, OwnedSetImages, present_fields};
use api::{Caller, Error, ImageParts, Problem, Reply, Request, StatusCode};
use domain::{AuditAction, Description, SetChange, Title};
use serde::Deserialize;
use store::{Objects, OwnedSet, Records};

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
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
}

async fn update(records: &Records, objects: &Objects, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let Body { title, description } = api::body(&request)?;
    let fields = present_fields([("title", title.is_some()), ("description", description.is_some())]);
    let (change, now) = (SetChange { title, description }, domain::now());
    let owned = records.admin_set(id).await?.ok_or_else(Problem::not_found)?;
    let entry = audit.imageset(&caller, AuditAction::UpdateImageset, &owned, fields);
    let user = owned.user.clone();
    let changed = async { Ok(records.change_set_audited(&user, id, &change, &entry, now).await?) };
    // The images of the set as the index shows it. An image that was added a moment ago may be missing.
    let found = [owned];
    let images = OwnedSetImages::of(&found, records, objects, ImageParts::ALL, now);
    let (set, images) = tokio::try_join!(changed, images)?;
    let owned = OwnedSet { user, set: set.ok_or_else(Problem::not_found)? };
    api::json(StatusCode::OK, &images.show(&owned))
}

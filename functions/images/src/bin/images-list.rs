//! `GET /api/images`: returns a page of the caller's images, newest first.

use api::{Caller, CursorKey, Error, ImageBody, PageItems, Query, Reply, Request, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let key = CursorKey::from_env()?;
    api::serve(|request| list(&records, &objects, &key, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody {
    images: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let query = Query::of(&request);
    let (limit, status) = (query.limit()?, query.status()?);
    let cursor = key.of("images", &caller.user, status.map_or("", domain::Status::as_str));
    let after = query.cursor(&cursor)?;

    let now = domain::now();
    let (page, profile) = tokio::try_join!(
        records.images(&caller.user, status, after, limit, now),
        records.profile_or_default(&caller.user),
    )?;
    let mut images = PageItems::default();
    for image in &page.items {
        let links = objects.links(&caller.user, image, &profile.limits, now).await?;
        if !images.push(image.id, &ImageBody::new(image, links))? {
            break;
        }
    }
    let (images, next) = images.finish(page.next);
    api::json(StatusCode::OK, &PageBody { images, next_cursor: next.map(|id| cursor.encode(id)) })
}

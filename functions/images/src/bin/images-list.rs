//! `GET /api/images`: the caller's images, newest first, a page at a time.

use api::{Caller, Cursor, Error, ImageBody, Query, Reply, Request, StatusCode};
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| list(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody<'a> {
    images: Vec<ImageBody<'a>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let query = Query::of(&request);
    let (limit, status) = (query.limit()?, query.status()?);
    let cursor = Cursor { user: &caller.user, filter: status.map_or("", domain::Status::as_str) };
    let after = query.cursor(&cursor)?;

    let now = domain::now();
    let (page, profile) = tokio::try_join!(
        records.images(&caller.user, status, after, limit, now),
        records.profile_or_default(&caller.user),
    )?;
    let mut images = Vec::with_capacity(page.items.len());
    for image in &page.items {
        let links = objects.links(&caller.user, image, &profile.limits, now).await?;
        images.push(ImageBody::new(image, links));
    }
    api::json(StatusCode::OK, &PageBody { images, next_cursor: page.next.map(|id| cursor.encode(id)) })
}

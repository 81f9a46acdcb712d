//! `GET /api/imagesets`: returns a page of the caller's sets, newest first.

use api::{Caller, CursorKey, Error, Query, Reply, Request, StatusCode};
use imagesets::SetImages;
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
    imagesets: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, query) = (&caller.user, Query::of(&request));
    let (limit, parts) = (query.limit()?, query.image_parts()?);
    let cursor = key.of("imagesets", user, "");
    let after = query.cursor(&cursor)?;
    let (page, profile) =
        tokio::try_join!(records.sets(user, after, limit), records.profile_or_default(user))?;
    let (tier, now) = (&profile.limits, domain::now());
    let images = SetImages::of(&page.items, records, objects, user, tier, parts, now).await?;
    let (imagesets, next) = images.show_page(&page)?;
    api::json(StatusCode::OK, &PageBody { imagesets, next_cursor: next.map(|id| cursor.encode(id)) })
}

//! `GET /api/imagesets`: the caller's sets, newest first, a page at a time.

use api::{Caller, Cursor, Error, Query, Reply, Request, SetBody, StatusCode};
use imagesets::Filling;
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
    imagesets: Vec<SetBody<'a>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, query) = (&caller.user, Query::of(&request));
    let limit = query.limit()?;
    let cursor = Cursor { user, filter: "imagesets" };
    let after = query.cursor(&cursor)?;
    let (page, profile) =
        tokio::try_join!(records.sets(user, after, limit), records.profile_or_default(user))?;
    let filling = Filling::of(&page.items, records, objects, user, &profile.limits, domain::now()).await?;
    let imagesets = page.items.iter().map(|set| filling.show(set)).collect();
    api::json(StatusCode::OK, &PageBody { imagesets, next_cursor: page.next.map(|id| cursor.encode(id)) })
}

//! `GET /api/admin/imagesets`: returns a page of the image sets of all users, newest first.

use admin::{ListedUser, OwnedSetImages, Pool};
use api::{Caller, CursorKey, Error, PageItems, Query, Reply, Request, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Objects, Records, SetFilter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let (pool, key) = (Pool::from_env(&config)?, CursorKey::from_env()?);
    api::serve(|request| list(&pool, &records, &objects, &key, request)).await
}

#[derive(Debug, Default, Serialize)]
struct PageBody {
    imagesets: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(pool: &Pool, records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let (limit, parts) = (query.limit()?, query.image_parts()?);
    let search = query.search()?;
    let filter_text = format!("{:?} {search:?}", query.text("username"));
    let cursor = key.of("admin-imagesets", &caller.user, &filter_text);
    let after = query.cursor(&cursor)?;

    let user = match pool.listed_user(&query).await? {
        ListedUser::Any => None,
        ListedUser::One(user) => Some(user),
        ListedUser::Unknown => return api::json(StatusCode::OK, &PageBody::default()),
    };
    let filter = SetFilter { user, search: search.map(str::to_owned) };
    let page = records.admin_sets(&filter, after, limit).await?;
    let images = OwnedSetImages::of(&page.items, records, objects, parts, domain::now()).await?;
    let mut sets = PageItems::default();
    for owned in &page.items {
        if !sets.push(owned.set.id, &images.show(owned))? {
            break;
        }
    }
    let (imagesets, next) = sets.finish(page.next);
    api::json(StatusCode::OK, &PageBody { imagesets, next_cursor: next.map(|id| cursor.encode(id)) })
}

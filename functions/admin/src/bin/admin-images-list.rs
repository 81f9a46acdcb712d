//! `GET /api/admin/images`: returns a page of the images of all users, newest first.

use admin::{ListedUser, OwnedBody, Pool};
use api::{Caller, CursorKey, Error, PageItems, Problem, Query, Reply, Request, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Filter, Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let (pool, key) = (Pool::from_env(&config)?, CursorKey::from_env()?);
    api::serve(|request| list(&pool, &records, &objects, &key, request)).await
}

#[derive(Debug, Default, Serialize)]
struct PageBody {
    images: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(pool: &Pool, records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let (limit, mut filter, parts) = (query.limit()?, filter(&query)?, query.image_parts()?);
    let filter_text = format!("{:?} {filter:?}", query.text("username"));
    let cursor = key.of("admin-images", &caller.user, &filter_text);
    let after = query.cursor(&cursor)?;

    filter.user = match pool.listed_user(&query).await? {
        ListedUser::Any => None,
        ListedUser::One(user) => Some(user),
        ListedUser::Unknown => return api::json(StatusCode::OK, &PageBody::default()),
    };
    let now = domain::now();
    let (page, ()) =
        tokio::try_join!(records.admin_images(&filter, after, limit, now), objects.prepare_addresses(),)?;
    let mut images = PageItems::default();
    for owned in &page.items {
        if !images.push(owned.image.id, &OwnedBody::in_list(owned, objects, parts, now).await?)? {
            break;
        }
    }
    let (images, next) = images.finish(page.next);
    api::json(StatusCode::OK, &PageBody { images, next_cursor: next.map(|id| cursor.encode(id)) })
}

/// The filter of the query, without the user.
fn filter(query: &Query<'_>) -> Result<Filter, Problem> {
    let phone_number = match query.text("phone_number") {
        Some(text) => {
            let number = phone::parse(text, &aws::var("DEFAULT_REGION")?);
            Some(number.map_err(|error| Problem::from(("phone_number", error)))?)
        }
        None => None,
    };
    Ok(Filter {
        user: None,
        phone_number,
        file_name: query.text("file_name").map(str::to_owned),
        status: query.status()?,
        after: query.time("uploaded_after")?,
        before: query.time("uploaded_before")?,
    })
}

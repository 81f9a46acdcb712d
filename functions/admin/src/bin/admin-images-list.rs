//! `GET /api/admin/images`: returns a page of the images of all users, newest first.

use admin::OwnedBody;
use api::{Caller, CursorKey, Error, PageItems, Problem, Query, Reply, Request, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Filter, Objects, Records};

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
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let (limit, filter, parts) = (query.limit()?, filter(&query)?, query.image_parts()?);
    let filter_text = format!("{filter:?}");
    let cursor = key.of("admin-images", &caller.user, &filter_text);
    let after = query.cursor(&cursor)?;

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

fn filter(query: &Query<'_>) -> Result<Filter, Problem> {
    let phone_number = match query.text("phone_number") {
        Some(text) => {
            let number = phone::parse(text, &aws::var("DEFAULT_REGION")?);
            Some(number.map_err(|error| Problem::from(("phone_number", error)))?)
        }
        None => None,
    };
    Ok(Filter {
        phone_number,
        file_name: query.text("file_name").map(str::to_owned),
        status: query.status()?,
        after: query.time("uploaded_after")?,
        before: query.time("uploaded_before")?,
    })
}

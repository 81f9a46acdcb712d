//! `GET /api/phones/{phone_number}/images`: returns a page of the caller's images for a phone number, newest
//! first.

use api::{Caller, CursorKey, Error, ImageBody, PageItems, Problem, Query, Reply, Request, StatusCode};
use domain::PhoneNumber;
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
struct PageBody<'a> {
    phone_number: &'a PhoneNumber,
    images: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, query) = (&caller.user, Query::of(&request));
    let phone_number = phones::number_in_path(&request)?;
    let (limit, parts) = (query.limit()?, query.image_parts()?);
    let cursor = key.of("phone-images", user, phone_number.as_str());
    let after = query.cursor(&cursor)?;

    let now = domain::now();
    let (page, profile, ()) = tokio::try_join!(
        records.images_of_phone(user, &phone_number, after, limit, now),
        records.profile_or_default(user),
        objects.prepare_addresses(),
    )?;
    if after.is_none() && page.items.is_empty() && page.next.is_none() {
        return Err(Problem::not_found());
    }
    let mut images = PageItems::default();
    for image in &page.items {
        let links = objects.links_in_list(user, image, &profile.limits, parts.addresses, now).await?;
        if !images.push(image.id, &ImageBody::new(image, links).only(parts))? {
            break;
        }
    }
    let (images, next) = images.finish(page.next);
    let next_cursor = next.map(|id| cursor.encode(id));
    api::json(StatusCode::OK, &PageBody { phone_number: &phone_number, images, next_cursor })
}

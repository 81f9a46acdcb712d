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
    let (key, region) = (CursorKey::from_env()?, aws::var("DEFAULT_REGION")?);
    api::serve(|request| list(&records, &objects, &key, &region, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody<'a> {
    phone_number: &'a PhoneNumber,
    images: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

async fn list(
    records: &Records,
    objects: &Objects,
    key: &CursorKey,
    region: &str,
    request: Request,
) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, query) = (&caller.user, Query::of(&request));
    let phone_number = phones::number_in_path(&request, region)?;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, USER, item, items, ok, profile, ready_image, tier,
    };

    use super::*;

    async fn answer(aws: &FakeAws, query: &str) -> Answer {
        let key = CursorKey::new("stack".to_owned());
        let request = TestRequest::new("GET").path("phone_number", "030 901820").query(query).build();
        list(&aws.records(), &aws.objects(), &key, "DE", request).await.into()
    }

    fn aws(images: &[Value]) -> FakeAws {
        FakeAws::new([ok("Query", items(images)), ok("GetItem", item(&profile(tier())))])
    }

    #[tokio::test]
    async fn the_images_of_a_number_are_read_by_its_international_form() {
        let aws = aws(&[ready_image()]);
        let answer = answer(&aws, "").await;
        assert_eq!((answer.status, &answer.body["phone_number"]), (200, &json!("+4930901820")));
        assert_eq!(answer.body["images"][0]["id"], IMAGE_ID);
        let calls = aws.calls();
        let (_, input) = calls.iter().find(|(operation, _)| operation == "Query").unwrap();
        let values = &input["ExpressionAttributeValues"];
        assert_eq!(values[":v0"], json!({"S": format!("USER#{USER}")}));
        assert_eq!(values[":v1"], json!({"S": "+4930901820#"}));
    }

    #[tokio::test]
    async fn a_number_without_images_is_not_found() {
        let answer = answer(&aws(&[]), "").await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not-found")));
    }

    #[tokio::test]
    async fn an_invalid_limit_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, "limit=0").await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("limit")));
        assert!(aws.calls().is_empty());
    }
}

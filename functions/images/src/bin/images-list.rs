//! `GET /api/images`: returns a page of the caller's images, newest first or in another order. With `trashed=true`, it
//! returns those in the trash.

use api::{
    Caller, CursorKey, Error, ImageBody, ImageParts, PageItems, Problem, Query, Reply, Request, StatusCode,
};
use aws::CallError;
use domain::{Image, ImageId, Links, Order, SortBy, Status, TakenPosition, Timestamp, UserId};
use serde::Serialize;
use serde_json::value::RawValue;
use store::{ImageSearch, Objects, Page, Records, SearchPlace};

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

/// Where the page begins, in one of the lists.
enum After {
    CreatedAt(Option<ImageId>),
    TakenAt(Option<TakenPosition>),
    Search(Option<SearchPlace>),
}

async fn list(records: &Records, objects: &Objects, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let query = Query::of(&request);
    let (limit, status, parts) = (query.limit()?, query.status()?, query.image_parts()?);
    let sort = query.sort()?;
    let order = query.order(sort)?;
    if query.flag("trashed")? {
        return trashed(records, key, &caller.user, &query, order, limit, parts).await;
    }
    let (words, taken) = (query.words()?, query.taken_range()?);
    let search = ImageSearch { words: words.as_ref(), taken: &taken, status, sort, order };
    // A cursor of one list makes no sense in another one.
    let is_search =
        words.is_some() || sort == SortBy::FileName || (sort == SortBy::CreatedAt && !taken.is_everything());
    let name = match (is_search, sort, order) {
        (true, ..) => "images search",
        (_, SortBy::TakenAt, Order::Descending) => "images taken_at desc",
        (_, SortBy::TakenAt, Order::Ascending) => "images taken_at asc",
        (_, _, Order::Descending) => "images",
        (_, _, Order::Ascending) => "images created_at asc",
    };
    let filter = filter(&search, is_search);
    let cursor = key.of(name, &caller.user, &filter);
    let after = match sort {
        _ if is_search => After::Search(query.cursor(&cursor)?),
        SortBy::TakenAt => After::TakenAt(query.cursor(&cursor)?),
        SortBy::CreatedAt | SortBy::FileName => After::CreatedAt(query.cursor(&cursor)?),
    };

    let now = domain::now();
    let (page, profile, ()) = tokio::try_join!(
        page(records, &caller.user, &search, after, limit, now),
        records.profile_or_default(&caller.user),
        objects.prepare_addresses(),
    )?;
    let mut images = PageItems::default();
    for (position, image) in &page.items {
        let links = objects.links_in_list(&caller.user, image, &profile.limits, parts.addresses, now).await?;
        if !images.push(position.clone(), &ImageBody::new(image, links).only(parts))? {
            break;
        }
    }
    let (images, next) = images.finish(page.next);
    let next_cursor = next.map(|position| cursor.encode(position));
    api::json(StatusCode::OK, &PageBody { images, next_cursor })
}

/// The filter that a cursor belongs to. No part contains a line break.
fn filter(search: &ImageSearch<'_>, is_search: bool) -> String {
    let status = search.status.map_or("", Status::as_str);
    let taken = [&search.taken.after, &search.taken.before].map(|time| time.as_deref().unwrap_or_default());
    if !is_search && search.taken.is_everything() {
        return status.to_owned();
    }
    let words = search.words.map_or_else(String::new, |words| words.as_slice().join(" "));
    let (sort, order) = (search.sort, search.order);
    format!("{status}\n{words}\n{}\n{}\n{sort:?} {order:?}", taken[0], taken[1])
}

/// A page of the trash. The images have no addresses, because nothing in the trash is served.
async fn trashed(
    records: &Records,
    key: &CursorKey,
    user: &UserId,
    query: &Query<'_>,
    order: Order,
    limit: usize,
    parts: ImageParts,
) -> Reply {
    for name in ["status", "q", "taken_after", "taken_before", "sort"] {
        if query.text(name).is_some_and(|value| (name, value) != ("sort", "created_at")) {
            let detail =
                format!("{name}: cannot be combined with trashed, whose images are ordered by created_at");
            return Err(Problem::invalid_field(name, detail));
        }
    }
    let name = match order {
        Order::Descending => "images trashed",
        Order::Ascending => "images trashed asc",
    };
    let cursor = key.of(name, user, "");
    let page = records.trashed_images(user, order, query.cursor(&cursor)?, limit, domain::now()).await?;
    let mut images = PageItems::default();
    for image in &page.items {
        if !images.push(image.id, &ImageBody::new(image, Links::default()).only(parts))? {
            break;
        }
    }
    let (images, next) = images.finish(page.next);
    api::json(StatusCode::OK, &PageBody { images, next_cursor: next.map(|id| cursor.encode(id)) })
}

/// A page of images. Each comes with its position in the list, as a cursor contains it.
async fn page(
    records: &Records,
    user: &UserId,
    search: &ImageSearch<'_>,
    after: After,
    limit: usize,
    now: Timestamp,
) -> Result<Page<(String, Image), String>, CallError> {
    let (status, order) = (search.status, search.order);
    Ok(match after {
        After::CreatedAt(after) => {
            let page = records.images(user, status, order, after, limit, now).await?;
            with_texts(Page {
                items: page.items.into_iter().map(|image| (image.id, image)).collect(),
                next: page.next,
            })
        }
        After::TakenAt(after) => {
            let (range, after) = (search.taken, after.as_ref());
            with_texts(records.images_by_taken_at(user, status, range, order, after, limit, now).await?)
        }
        After::Search(after) => {
            with_texts(records.search_images(user, search, after.as_ref(), limit, now).await?)
        }
    })
}

/// The page with its positions as texts.
fn with_texts<P: ToString>(page: Page<(P, Image), P>) -> Page<(String, Image), String> {
    let items = page.items.into_iter().map(|(position, image)| (position.to_string(), image));
    Page { items: items.collect(), next: page.next.map(|position| position.to_string()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, item, items, ok, profile, ready_image, tier};

    use super::*;

    const OTHER_ID: &str = "01K8Z3J5Q0000000000000THER";

    async fn answer(aws: &FakeAws, query: &str) -> Answer {
        let request = TestRequest::new("GET").query(query).build();
        let key = CursorKey::new("stack/1".to_owned());
        list(&aws.records(), &aws.objects(), &key, request).await.into()
    }

    /// An item of the index.
    fn position(time: &str, id: &str) -> Value {
        json!({"pk": "USER#x", "sk": format!("IMAGE#{id}"), "taken_image": format!("{time}#{id}")})
    }

    fn index(positions: &[Value]) -> (&'static str, u16, Value) {
        ok("Query", items(positions))
    }

    fn images(images: &[Value]) -> (&'static str, u16, Value) {
        let images: Vec<Value> = images.iter().map(|image| item(image)["Item"].clone()).collect();
        ok("BatchGetItem", json!({"Responses": {"table": images}}))
    }

    fn image(id: &str) -> Value {
        let mut image = ready_image();
        (image["id"], image["sk"]) = (json!(id), json!(format!("IMAGE#{id}")));
        image
    }

    fn ids(answer: &Answer) -> Vec<&str> {
        let images = answer.body["images"].as_array().into_iter().flatten();
        images.filter_map(|image| image["id"].as_str()).collect()
    }

    #[tokio::test]
    async fn the_index_gives_the_order_and_the_table_gives_the_images() {
        let positions = [
            position("2026-05-02T00:00:00", OTHER_ID),
            // An image that was just deleted, and one whose old position is still in the index.
            position("2026-05-01T12:00:00", "01K8Z3J5Q00000000000000000"),
            position("2026-05-01T00:00:00", IMAGE_ID),
            position("2026-04-01T00:00:00", OTHER_ID),
        ];
        let aws = FakeAws::new([
            index(&positions),
            images(&[image(IMAGE_ID), image(OTHER_ID)]),
            ok("GetItem", item(&profile(tier()))),
        ]);
        let answer = answer(&aws, "sort=taken_at&order=asc&limit=4").await;
        assert_eq!(ids(&answer), [OTHER_ID, IMAGE_ID]);
        assert_eq!(answer.body["next_cursor"], Value::Null);
        let calls = aws.calls();
        let (_, query) = calls.iter().find(|(operation, _)| operation == "Query").unwrap();
        let asked = [&query["IndexName"], &query["ScanIndexForward"], &query["Limit"]];
        assert_eq!(asked, [&json!("by_user_taken_at"), &json!(true), &json!(5)]);
    }

    #[tokio::test]
    async fn a_page_continues_where_the_last_one_ended() {
        let positions =
            [position("2026-05-02T00:00:00", OTHER_ID), position("2026-05-01T00:00:00", IMAGE_ID)];
        let aws = FakeAws::new([
            index(&positions),
            images(&[image(OTHER_ID)]),
            ok("GetItem", item(&profile(tier()))),
            index(&positions[1..]),
            images(&[image(IMAGE_ID)]),
            ok("GetItem", item(&profile(tier()))),
        ]);
        let first = answer(&aws, "sort=taken_at&limit=1").await;
        assert_eq!(ids(&first), [OTHER_ID]);
        let cursor = first.body["next_cursor"].as_str().unwrap();
        let second = answer(&aws, &format!("sort=taken_at&limit=1&cursor={cursor}")).await;
        assert_eq!((ids(&second), &second.body["next_cursor"]), (vec![IMAGE_ID], &Value::Null));
        let calls = aws.calls();
        let (_, query) = calls.iter().rfind(|(operation, _)| operation == "Query").unwrap();
        let start = &query["ExclusiveStartKey"];
        assert_eq!(start["taken_image"]["S"], format!("2026-05-02T00:00:00#{OTHER_ID}"));
        assert_eq!(start["sk"]["S"], format!("IMAGE#{OTHER_ID}"));
    }

    #[tokio::test]
    async fn a_search_reads_the_words_in_eight_parts_and_compares_the_images_themselves() {
        let words = |id: &str| json!({"sk": format!("WORDS#0#{id}"), "sort_name": "cat.jpg"});
        let part = |number| if number == 0 { vec![words(IMAGE_ID), words(OTHER_ID)] } else { Vec::new() };
        let parts = (0..8).map(|number| ok("Query", items(&part(number))));
        // The words of this image are out of date.
        let mut renamed = image(OTHER_ID);
        renamed["file_name"] = json!("dog.jpg");
        let read = [images(&[image(IMAGE_ID), renamed]), ok("GetItem", item(&profile(tier())))];
        let aws = FakeAws::new(parts.chain(read));
        let answer = answer(&aws, "q=CAT").await;
        assert_eq!((ids(&answer), &answer.body["next_cursor"]), (vec![IMAGE_ID], &Value::Null));
        let queries: Vec<_> = aws.calls().into_iter().filter(|(name, _)| name == "Query").collect();
        assert_eq!(queries.len(), 8);
        let (_, query) = &queries[0];
        let filter = query["FilterExpression"].as_str().unwrap();
        assert!(filter.starts_with("contains(#file_name_words, "), "{filter}");
        assert!(query["ExpressionAttributeValues"].to_string().contains(r#"{"S":" cat"}"#), "{query}");
    }

    #[tokio::test]
    async fn the_trash_is_listed_without_addresses() {
        let mut trashed = ready_image();
        trashed["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": 4_000_000_000_i64});
        let listed = json!({"sk": format!("TRASH#{IMAGE_ID}")});
        let aws = FakeAws::new([ok("Query", items(&[listed])), images(&[trashed])]);
        let answer = answer(&aws, "trashed=true").await;
        assert_eq!(ids(&answer), [IMAGE_ID]);
        let shown = &answer.body["images"][0];
        assert_eq!((&shown["thumbnails"], &shown["srcset"]), (&json!([]), &Value::Null));
        assert_eq!(shown["trash"]["deleted_at"], "2096-10-02T07:06:40Z");
        let refused = super::tests::answer(&FakeAws::new([]), "trashed=true&sort=taken_at").await;
        assert_eq!((refused.status, &refused.body["field"]), (400, &json!("sort")));
    }

    #[tokio::test]
    async fn a_client_may_try_again_while_the_index_is_built() {
        let message = "Cannot read from backfilling global secondary index: by_user_taken_at";
        let refusal = json!({"__type": "ValidationException", "message": message});
        let aws = FakeAws::new([("Query", 400, refusal), ok("GetItem", item(&profile(tier())))]);
        let answer = answer(&aws, "sort=taken_at").await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")));
    }
}

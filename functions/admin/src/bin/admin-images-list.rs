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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, error, items, ok, ready_image};

    use super::*;

    async fn answer(aws: &FakeAws, query: &str) -> Answer {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let key = CursorKey::new("stack".to_owned());
        let request = TestRequest::new("GET").admin().query(query).build();
        list(&pool, &aws.records(), &aws.objects(), &key, request).await.into()
    }

    /// Cognito's answer for the user `ann`.
    fn ann() -> (&'static str, u16, Value) {
        let attributes = json!([{"Name": "sub", "Value": USER}]);
        ok("AdminGetUser", json!({"Username": "ann", "UserAttributes": attributes}))
    }

    #[tokio::test]
    async fn the_images_of_all_users_are_in_eight_partitions_of_an_index() {
        let others = (0..7).map(|_| ok("Query", items(&[])));
        let aws = FakeAws::new([ok("Query", items(&[ready_image()]))].into_iter().chain(others));
        let answer = answer(&aws, "").await;
        assert_eq!((answer.status, &answer.body["next_cursor"]), (200, &Value::Null));
        let image = &answer.body["images"][0];
        assert_eq!((&image["id"], &image["user_id"]), (&json!(IMAGE_ID), &json!(USER)));
        assert_eq!(aws.operations(), ["Query"; 8]);
        assert!(aws.calls().iter().all(|(_, input)| input["IndexName"] == "by_time"));
    }

    #[tokio::test]
    async fn the_images_of_one_user_are_in_one_partition_of_the_table() {
        let aws = FakeAws::new([ann(), ok("Query", items(&[ready_image()]))]);
        let answer = answer(&aws, "username=ann").await;
        assert_eq!((answer.status, &answer.body["images"][0]["id"]), (200, &json!(IMAGE_ID)));
        assert_eq!(aws.operations(), ["AdminGetUser", "Query"]);
        let input = &aws.calls()[1].1;
        assert_eq!(input["IndexName"], Value::Null);
        assert_eq!(input["ExpressionAttributeValues"][":v0"], json!({"S": format!("USER#{USER}")}));
    }

    #[tokio::test]
    async fn the_list_of_a_user_who_does_not_exist_is_empty() {
        let aws = FakeAws::new([error("AdminGetUser", "UserNotFoundException")]);
        insta::assert_json_snapshot!(answer(&aws, "username=bob").await, @r#"
        {
          "status": 200,
          "body": {
            "images": [],
            "next_cursor": null
          }
        }
        "#);
        assert_eq!(aws.operations(), ["AdminGetUser"]);
    }

    #[tokio::test]
    async fn a_cursor_belongs_to_the_list_of_one_user() {
        let mut older = ready_image();
        older["id"] = json!("01K8Z3J5Q0000000000000TESS");
        let aws = FakeAws::new([ann(), ok("Query", items(&[ready_image(), older]))]);
        let first = answer(&aws, "username=ann&limit=1").await;
        assert_eq!(first.body["images"].as_array().map(Vec::len), Some(1));
        let cursor = first.body["next_cursor"].as_str().unwrap();
        let aws = FakeAws::new([]);
        let other = answer(&aws, &format!("username=bob&cursor={cursor}")).await;
        assert_eq!((other.status, &other.body["code"]), (400, &json!("bad-cursor")));
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn an_invalid_filter_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        let long = format!("username={}", "x".repeat(129));
        for (query, field) in [
            ("status=done", "status"),
            ("uploaded_after=yesterday", "uploaded_after"),
            ("limit=101", "limit"),
            (long.as_str(), "username"),
        ] {
            let answer = answer(&aws, query).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{query}");
        }
        assert!(aws.calls().is_empty());
    }
}

//! `DELETE /api/images/{id}`: moves an image to the trash. With `permanent=true`, and in a tier without a trash, it
//! deletes the image. Within seconds, a worker deletes its files and reduces the usage.

use api::{Caller, Error, Query, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (id, now) = (api::path_id(&request)?, domain::now());
    api::deleted(if Query::of(&request).flag("permanent")? {
        records.delete_image(&caller.user, id, now).await?
    } else {
        records.discard_image(&caller.user, id, now).await?
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, image, item, ok, profile, ready_image, refused, tier,
    };

    use super::*;

    async fn answer(aws: &FakeAws, id: &str, query: &str) -> Answer {
        delete(&aws.records(), TestRequest::new("DELETE").path("id", id).query(query).build()).await.into()
    }

    /// The image, and a profile whose tier has a trash of this many days.
    fn read(image: &Value, trash_days: u32) -> [(&'static str, u16, Value); 2] {
        let mut tier = tier();
        tier["trash_days"] = json!(trash_days);
        [ok("GetItem", item(image)), ok("GetItem", item(&profile(tier)))]
    }

    fn written() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    /// Whether the last call deleted the item of the image.
    fn has_deleted(aws: &FakeAws) -> bool {
        let (_, written) = aws.calls().pop().unwrap();
        let items = written["TransactItems"].as_array().unwrap();
        items.len() == 1 && items[0]["Delete"]["Key"]["sk"]["S"] == format!("IMAGE#{IMAGE_ID}")
    }

    #[tokio::test]
    async fn an_id_of_another_form_is_not_found_without_a_call() {
        let aws = FakeAws::new([]);
        insta::assert_json_snapshot!(answer(&aws, "../x", "").await, @r#"
        {
          "status": 404,
          "body": {
            "code": "not-found",
            "detail": "There is nothing at this address.",
            "status": 404,
            "title": "Not Found",
            "type": "urn:darkroom:problem:not-found"
          }
        }
        "#);
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn a_picture_moves_to_the_trash_for_the_days_of_the_tier() {
        let aws = FakeAws::new(read(&ready_image(), 7).into_iter().chain([written()]));
        assert_eq!(answer(&aws, IMAGE_ID, "").await.status, 204);
        let calls = aws.calls();
        let items = calls[2].1["TransactItems"].as_array().unwrap();
        assert!(items[0]["Update"]["UpdateExpression"].as_str().unwrap().contains("#trash = "));
        let listed = &items[1]["Put"]["Item"];
        assert_eq!(listed["sk"]["S"], format!("TRASH#{IMAGE_ID}"));
        let until: i64 = listed["expires_at"]["N"].as_str().unwrap().parse().unwrap();
        let days = (until - domain::now().as_second() + 60) / (24 * 60 * 60);
        assert_eq!(days, 7);
    }

    #[tokio::test]
    async fn without_a_trash_and_without_a_picture_an_image_is_deleted() {
        for (image, days) in [(ready_image(), 0), (image(), 7)] {
            let aws = FakeAws::new(read(&image, days).into_iter().chain([written()]));
            assert_eq!(answer(&aws, IMAGE_ID, "").await.status, 204);
            assert_eq!(aws.operations(), ["GetItem", "GetItem", "TransactWriteItems"]);
            assert!(has_deleted(&aws));
        }
    }

    #[tokio::test]
    async fn a_picture_that_becomes_ready_at_the_same_time_is_not_lost() {
        let calls = read(&image(), 7).into_iter().chain([refused(0, 1, &json!({}))]);
        let aws = FakeAws::new(calls.chain(read(&ready_image(), 7)).chain([written()]));
        assert_eq!(answer(&aws, IMAGE_ID, "").await.status, 204);
        assert_eq!(aws.operations().len(), 6);
        assert!(!has_deleted(&aws));
    }

    #[tokio::test]
    async fn a_permanent_deletion_takes_one_call_which_the_sdk_can_repeat() {
        let aws = FakeAws::new([written()]);
        assert_eq!(answer(&aws, IMAGE_ID, "permanent=true").await.status, 204);
        assert_eq!(aws.operations(), ["TransactWriteItems"]);
        assert!(has_deleted(&aws));
        assert!(aws.calls()[0].1["ClientRequestToken"].is_string());
        assert_eq!(
            answer(&FakeAws::new([refused(0, 1, &json!({}))]), IMAGE_ID, "permanent=true").await.status,
            404
        );
        let problem = answer(&FakeAws::new([]), IMAGE_ID, "permanent=yes").await;
        assert_eq!((problem.status, &problem.body["field"]), (400, &json!("permanent")));
    }

    #[tokio::test]
    async fn what_is_in_the_trash_is_not_found() {
        let mut trashed = ready_image();
        trashed["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": 4_000_000_000_i64});
        let aws = FakeAws::new(read(&trashed, 7));
        assert_eq!(answer(&aws, IMAGE_ID, "").await.status, 404);
    }
}

//! `POST /api/images/{id}/restore`: takes an image out of the trash.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| restore(&records, &objects, request)).await
}

async fn restore(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, id, now) = (&caller.user, api::path_id(&request)?, domain::now());
    let (image, profile, ()) = tokio::try_join!(
        records.restore_image(user, id, now),
        records.profile_or_default(user),
        objects.prepare_addresses(),
    )?;
    let image = image.ok_or_else(Problem::not_found)?;
    let links = objects.links(user, &image, &profile.limits, now).await?;
    api::json(StatusCode::OK, &ImageBody::new(&image, links))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, error, item, ok, profile, ready_image, tier,
    };

    use super::*;

    fn trashed(until: i64) -> Value {
        let mut image = ready_image();
        image["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": until});
        image
    }

    async fn answer(image: &Value, more: Vec<(&'static str, u16, Value)>) -> (Answer, FakeAws) {
        let read = [ok("GetItem", item(image)), ok("GetItem", item(&profile(tier())))];
        let aws = FakeAws::new(read.into_iter().chain(more));
        let request = TestRequest::new("POST").path("id", IMAGE_ID).build();
        (restore(&aws.records(), &aws.objects(), request).await.into(), aws)
    }

    #[tokio::test]
    async fn a_picture_comes_back_with_its_addresses() {
        let (answer, aws) = answer(&trashed(4_000_000_000), vec![ok("TransactWriteItems", json!({}))]).await;
        assert_eq!((answer.status, &answer.body["trash"]), (200, &Value::Null), "{answer:?}");
        assert!(answer.body["thumbnails"][0]["url"].is_string());
        let calls = aws.calls();
        let (_, written) = calls.iter().find(|(operation, _)| operation == "TransactWriteItems").unwrap();
        assert_eq!(written["TransactItems"][1]["Delete"]["Key"]["sk"]["S"], format!("TRASH#{IMAGE_ID}"));
    }

    #[tokio::test]
    async fn a_place_that_another_image_took_is_lost() {
        let mut image = trashed(4_000_000_000);
        image["set"] = json!({"id": SET_ID, "image_type": "image1"});
        let reasons = json!([{"Code": "None"}, {"Code": "None"}, {"Code": "ConditionalCheckFailed"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let writes = vec![("TransactWriteItems", 400, cancelled), ok("TransactWriteItems", json!({}))];
        let (answer, _) = answer(&image, writes).await;
        assert_eq!((answer.status, &answer.body["set"]), (200, &Value::Null));
    }

    #[tokio::test]
    async fn a_request_whose_response_failed_can_be_repeated() {
        // The profile cannot be read, although the image may be restored at the same time.
        let aws = FakeAws::new([
            ok("GetItem", item(&trashed(4_000_000_000))),
            error("GetItem", "ThrottlingException"),
            ok("TransactWriteItems", json!({})),
        ]);
        let request = TestRequest::new("POST").path("id", IMAGE_ID).build();
        let failed = Answer::from(restore(&aws.records(), &aws.objects(), request).await);
        assert_eq!(failed.status, 503);
        let (repeated, _) = answer(&ready_image(), Vec::new()).await;
        assert_eq!((repeated.status, &repeated.body["id"]), (200, &json!(IMAGE_ID)), "{repeated:?}");
    }

    #[tokio::test]
    async fn what_was_in_the_trash_for_too_long_is_not_found() {
        assert_eq!(answer(&trashed(1), Vec::new()).await.0.status, 404);
    }
}

//! `PUT /api/imagesets/{id}/images/{slot}`: puts an existing image into a slot of a set.

use api::{Caller, Error, ImageParts, Problem, Reply, Request, StatusCode};
use domain::{ImageId, SetPlace};
use imagesets::SetImages;
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| put(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    image_id: ImageId,
}

async fn put(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, now) = (&caller.user, domain::now());
    let place = SetPlace { id: api::path_id(&request)?, image_type: imagesets::slot_in_path(&request)? };
    let Body { image_id } = api::body(&request)?;
    let (placed, profile, ()) = tokio::try_join!(
        async { Ok::<_, Problem>(records.place_image(user, place, image_id, now).await?) },
        async { Ok(records.profile_or_default(user).await?) },
        async { Ok(objects.prepare_addresses().await?) },
    )?;
    let (tier, parts) = (&profile.limits, ImageParts::ALL);
    let images = SetImages::of_images(placed.images, objects, user, tier, parts, now).await?;
    api::json(StatusCode::OK, &images.show(&placed.set))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, batch, item, ok, profile, ready_image, set, tier,
    };

    use super::*;

    async fn answer(aws: &FakeAws, slot: &str, body: &Value) -> Answer {
        let request = TestRequest::new("PUT").path("id", SET_ID).path("slot", slot).json(body).build();
        put(&aws.records(), &aws.objects(), request).await.into()
    }

    fn body() -> Value {
        json!({"image_id": IMAGE_ID})
    }

    fn aws(set: &Value, more: Vec<(&'static str, u16, Value)>) -> FakeAws {
        let read = [
            ok("BatchGetItem", batch(&[set.clone(), ready_image()])),
            ok("BatchGetItem", batch(&[ready_image()])),
            ok("GetItem", item(&profile(tier()))),
        ];
        FakeAws::new(read.into_iter().chain(more))
    }

    #[tokio::test]
    async fn the_image_and_the_slot_name_each_other() {
        let aws = aws(&set(&json!({})), vec![ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let image = &answer.body["images"]["image2"];
        assert_eq!((&image["id"], &image["set"]["id"]), (&json!(IMAGE_ID), &json!(SET_ID)));
        assert_eq!(image["set"]["image_type"], "image2");
        let calls = aws.calls();
        let (_, written) = calls.iter().find(|(operation, _)| operation == "TransactWriteItems").unwrap();
        let items = written["TransactItems"].as_array().unwrap();
        let keys: Vec<_> =
            items.iter().map(|item| item["Update"]["Key"]["sk"]["S"].as_str().unwrap()).collect();
        assert_eq!(keys, [format!("SET#{SET_ID}"), format!("IMAGE#{IMAGE_ID}")]);
    }

    #[tokio::test]
    async fn a_slot_with_another_image_is_taken() {
        let reasons = json!([{"Code": "None"}, {"Code": "ConditionalCheckFailed"}, {"Code": "None"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let other = set(&json!({"image2": "01K8Z3J5Q0000000000000THER"}));
        let aws = aws(&other, vec![("TransactWriteItems", 400, cancelled)]);
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("slot-taken")));
    }

    #[tokio::test]
    async fn an_image_of_nobody_is_a_wrong_field_and_a_set_of_nobody_is_not_found() {
        let profile = || ok("GetItem", item(&profile(tier())));
        let aws = FakeAws::new([ok("BatchGetItem", batch(&[set(&json!({}))])), profile()]);
        let problem = answer(&aws, "image1", &body()).await;
        assert_eq!((problem.status, &problem.body["field"]), (400, &json!("image_id")));
        let aws = FakeAws::new([ok("BatchGetItem", batch(&[ready_image()])), profile()]);
        assert_eq!(answer(&aws, "image1", &body()).await.status, 404);
    }

    #[tokio::test]
    async fn a_slot_that_no_set_has_is_not_found_without_a_call() {
        let aws = FakeAws::new([]);
        assert_eq!(answer(&aws, "image4", &body()).await.status, 404);
        assert!(aws.calls().is_empty());
    }
}

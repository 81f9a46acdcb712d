//! `PUT /api/imagesets/{id}/images/{slot}`: puts an existing image into a slot of a set, or exchanges two images of
//! the set.

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
    #[serde(default)]
    replace: bool,
}

async fn put(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, now) = (&caller.user, domain::now());
    let place = SetPlace { id: api::path_id(&request)?, image_type: imagesets::slot_in_path(&request)? };
    let Body { image_id, replace } = api::body(&request)?;
    let (placed, profile, ()) = tokio::try_join!(
        async { Ok::<_, Problem>(records.place_image(user, place, image_id, replace, now).await?) },
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
        Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, batch, item, ok, profile, ready_image, refused, set,
        tier,
    };

    use super::*;

    /// The id of another image.
    const OTHER_ID: &str = "01K8Z3J5Q0000000000000THER";

    async fn answer(aws: &FakeAws, slot: &str, body: &Value) -> Answer {
        let request = TestRequest::new("PUT").path("id", SET_ID).path("slot", slot).json(body).build();
        put(&aws.records(), &aws.objects(), request).await.into()
    }

    fn body() -> Value {
        json!({"image_id": IMAGE_ID})
    }

    fn aws(set: &Value, more: Vec<(&'static str, u16, Value)>) -> FakeAws {
        let others = [ready_image()];
        FakeAws::new(read(set, &ready_image(), &others).into_iter().chain(more))
    }

    /// What a request reads if its first attempt succeeds. `others` are the images of the set after that.
    fn read(set: &Value, image: &Value, others: &[Value]) -> [(&'static str, u16, Value); 3] {
        [
            ok("BatchGetItem", batch(&[set.clone(), image.clone()])),
            ok("BatchGetItem", batch(others)),
            ok("GetItem", item(&profile(tier()))),
        ]
    }

    /// An image in a slot of the set.
    fn image_in(slot: &str, id: &str) -> Value {
        let mut image = ready_image();
        image["sk"] = json!(format!("IMAGE#{id}"));
        image["id"] = json!(id);
        image["set"] = json!({"id": SET_ID, "image_type": slot});
        image
    }

    /// The transactions that were sent: for each item, the kind of operation, the sort key and the update.
    fn transactions(aws: &FakeAws) -> Vec<Vec<(String, String, String)>> {
        let calls = aws.calls().into_iter().filter(|(operation, _)| operation == "TransactWriteItems");
        let operation = |item: &Value| {
            let (kind, operation) = item.as_object().unwrap().iter().next().unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let expression = text(&operation["UpdateExpression"]);
            (kind.clone(), text(&operation["Key"]["sk"]["S"]), expression)
        };
        calls
            .map(|(_, input)| input["TransactItems"].as_array().unwrap().iter().map(operation).collect())
            .collect()
    }

    #[tokio::test]
    async fn the_image_and_the_slot_name_each_other() {
        let aws = aws(&set(&json!({})), vec![ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let image = &answer.body["images"]["image2"];
        assert_eq!((&image["id"], &image["set"]["id"]), (&json!(IMAGE_ID), &json!(SET_ID)));
        assert_eq!(image["set"]["image_type"], "image2");
        let written = transactions(&aws).remove(0);
        let keys: Vec<_> = written.iter().map(|(kind, key, _)| (kind.as_str(), key.clone())).collect();
        assert_eq!(keys, [("Update", format!("SET#{SET_ID}")), ("Update", format!("IMAGE#{IMAGE_ID}"))]);
    }

    #[tokio::test]
    async fn a_slot_with_another_image_is_taken() {
        let aws = aws(&set(&json!({"image2": OTHER_ID})), vec![refused(1, 3, &json!({}))]);
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("slot-taken")));
        assert_eq!(transactions(&aws)[0][1].0, "ConditionCheck");
    }

    #[tokio::test]
    async fn two_images_of_a_set_exchange_their_slots_with_one_update_of_each_item() {
        let images = [image_in("image1", IMAGE_ID), image_in("image2", OTHER_ID)];
        let set = set(&json!({"image1": IMAGE_ID, "image2": OTHER_ID}));
        let written = ok("TransactWriteItems", json!({}));
        let aws = FakeAws::new(read(&set, &images[0], &images).into_iter().chain([written]));
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for (slot, id) in [("image1", OTHER_ID), ("image2", IMAGE_ID)] {
            let image = &answer.body["images"][slot];
            assert_eq!(image["id"], id);
            assert_eq!(image["set"], json!({"id": SET_ID, "image_type": slot}));
        }
        let update = |key: String, expression: &str| ("Update".to_owned(), key, expression.to_owned());
        let moved = "SET #set = :v0, #updated_at = :v1";
        assert_eq!(
            transactions(&aws),
            [[
                update(format!("SET#{SET_ID}"), "SET #slots.#image2 = :v0, #slots.#image1 = :v1"),
                update(format!("IMAGE#{OTHER_ID}"), moved),
                update(format!("IMAGE#{IMAGE_ID}"), moved),
            ]]
        );
    }

    #[tokio::test]
    async fn a_replaced_image_leaves_the_set() {
        let written = ok("TransactWriteItems", json!({}));
        let aws = aws(&set(&json!({"image2": OTHER_ID})), vec![written]);
        let body = json!({"image_id": IMAGE_ID, "replace": true});
        let answer = answer(&aws, "image2", &body).await;
        assert_eq!((answer.status, &answer.body["images"]["image2"]["id"]), (200, &json!(IMAGE_ID)));
        let (kind, key, expression) = &transactions(&aws)[0][1];
        assert_eq!((kind.as_str(), key.as_str()), ("Update", format!("IMAGE#{OTHER_ID}").as_str()));
        assert_eq!(expression, "SET #updated_at = :v0 REMOVE #set");
    }

    #[tokio::test]
    async fn an_image_that_nobody_sees_is_not_moved() {
        let image = image_in("image1", IMAGE_ID);
        let set = set(&json!({"image1": IMAGE_ID, "image2": OTHER_ID}));
        // The other image is in the trash, so its update is refused. The second attempt checks that.
        let [first, others, profile] = read(&set, &image, std::slice::from_ref(&image));
        let prepared = [first.clone(), others.clone(), profile, refused(1, 3, &json!({})), first, others];
        let aws = FakeAws::new(prepared.into_iter().chain([ok("TransactWriteItems", json!({}))]));
        let answer = answer(&aws, "image2", &body()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["images"]["image1"], Value::Null);
        assert_eq!(answer.body["images"]["image2"]["id"], IMAGE_ID);
        let written = transactions(&aws);
        let kinds: Vec<_> = written.iter().map(|items| items[1].0.as_str()).collect();
        assert_eq!(kinds, ["Update", "ConditionCheck"]);
        assert_eq!(written[1][0].2, "SET #slots.#image2 = :v0 REMOVE #slots.#image1");
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

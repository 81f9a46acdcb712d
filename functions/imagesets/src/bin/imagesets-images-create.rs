//! `POST /api/imagesets/{id}/images`: creates a pending image in a slot of a set and signs its upload.

use api::{Caller, CreatedBody, Error, PendingUploads, Problem, Reply, Request, StatusCode};
use domain::{
    ContentType, Description, FileName, Image, NewImage, Prompt, SetPlace, Sha256, Slot, Title, Upload,
    UploadSize,
};
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| upload(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    image_type: Slot,
    file_name: FileName,
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
    title: Option<Title>,
    description: Option<Description>,
    #[serde(default)]
    analyze: bool,
    edit_prompt: Option<Prompt>,
}

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let body: Body = api::body(&request)?;
    if body.analyze || body.edit_prompt.is_some() {
        api::require_ai()?;
    }
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let place = SetPlace { id, image_type: body.image_type };
    let (analyze, edit_prompt) = (body.analyze, body.edit_prompt.clone());
    let image = Image { set: Some(place), ..Image::pending(body.into(), now) };
    let images = image.with_deferred_jobs(analyze, edit_prompt, now);
    let PendingUploads { images, at } =
        api::create_images(records, objects, &caller.user, images, key.as_ref(), now).await?;
    let (image, upload) =
        images.into_iter().next().ok_or_else(|| Problem::internal("no image was created"))?;
    api::json(StatusCode::CREATED, &CreatedBody::new(&image, upload, at))
}

impl From<Body> for NewImage {
    fn from(body: Body) -> Self {
        Self {
            file_name: body.file_name,
            title: body.title,
            description: body.description,
            upload: Upload {
                content_type: body.content_type,
                size: body.size,
                checksum_sha256: body.checksum_sha256,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, item, ok, refused, set, tier};

    use super::*;

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("POST").path("id", SET_ID).json(body).build();
        upload(&aws.records(), &aws.objects(), request).await.into()
    }

    fn body() -> Value {
        json!({"image_type": "image2", "file_name": "cat.jpg", "content_type": "image/jpeg", "size": 1000})
    }

    #[tokio::test]
    async fn the_new_image_and_its_slot_name_each_other() {
        let aws = FakeAws::new([ok("GetItem", item(&tier())), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, &body()).await;
        assert_eq!((answer.status, &answer.body["upload"]["method"]), (201, &json!("PUT")));
        let image = &answer.body["image"];
        assert_eq!(image["set"], json!({"id": SET_ID, "image_type": "image2"}));
        let calls = aws.calls();
        let (_, input) = calls.iter().find(|(operation, _)| operation == "TransactWriteItems").unwrap();
        let slot = &input["TransactItems"][1]["Update"];
        assert_eq!(slot["Key"]["sk"], json!({"S": format!("SET#{SET_ID}")}));
        assert_eq!(slot["UpdateExpression"], "SET #slots.#image2 = :v0");
        assert_eq!(slot["ExpressionAttributeValues"], json!({":v0": {"S": image["id"]}}));
        assert_eq!(
            slot["ConditionExpression"],
            "attribute_exists(#pk) AND attribute_not_exists(#slots.#image2)"
        );
    }

    #[tokio::test]
    async fn a_set_that_does_not_exist_is_not_found() {
        let aws = FakeAws::new([ok("GetItem", item(&tier())), refused(1, 5, &json!({}))]);
        let answer = answer(&aws, &body()).await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not-found")));
    }

    #[tokio::test]
    async fn a_slot_with_an_image_that_its_owner_sees_is_taken() {
        let set = item(&set(&json!({"image2": IMAGE_ID})));
        // The second attempt also checks that nobody sees the image in the slot.
        let aws =
            FakeAws::new([ok("GetItem", item(&tier())), refused(1, 5, &set), refused(2, 5, &json!({}))]);
        let answer = answer(&aws, &body()).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("slot-taken")));
        assert_eq!(answer.body["field"], "image_type");
        let (_, input) = aws.calls().pop().unwrap();
        let occupant = &input["TransactItems"][2]["ConditionCheck"];
        assert_eq!(occupant["Key"]["sk"], json!({"S": format!("IMAGE#{IMAGE_ID}")}));
    }

    #[tokio::test]
    async fn an_invalid_request_and_one_for_ai_without_a_provider_are_refused_without_a_call() {
        let aws = FakeAws::new([]);
        let mut without_slot = body();
        without_slot.as_object_mut().unwrap().remove("image_type");
        let missing = answer(&aws, &without_slot).await;
        assert_eq!((missing.status, &missing.body["field"]), (400, &json!("image_type")));
        let mut with_edit = body();
        with_edit["edit_prompt"] = json!("Make the cat blue.");
        let ai = answer(&aws, &with_edit).await;
        assert_eq!((ai.status, &ai.body["code"]), (501, &json!("ai-not-configured")));
        assert!(aws.calls().is_empty());
    }
}

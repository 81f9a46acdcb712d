//! `POST /api/phones/{phone_number}/images`: creates pending images for a phone number, all or none, and signs
//! their uploads.

use api::{Caller, CreatedBody, Error, FilesBody, Reply, Request, StatusCode};
use domain::{Image, NewImage, PhoneNumber};
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let region = aws::var("DEFAULT_REGION")?;
    api::serve(|request| upload(&records, &objects, &region, request)).await
}

#[derive(Debug, Serialize)]
struct UploadsBody<'a> {
    phone_number: &'a PhoneNumber,
    results: Vec<CreatedBody<'a>>,
}

async fn upload(records: &Records, objects: &Objects, region: &str, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let phone_number = phones::number_in_path(&request, region)?;
    let files: FilesBody = api::body(&request)?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let pending =
        |new: NewImage| Image { phone_number: Some(phone_number.clone()), ..Image::pending(new, now) };
    let images = files.into_images().map(pending).collect();
    let pending = api::create_images(records, objects, &caller.user, images, key.as_ref(), now).await?;
    let uploads = pending.images.iter();
    let results = uploads.map(|(image, upload)| CreatedBody::new(image, upload.clone(), pending.at));
    let body = UploadsBody { phone_number: &phone_number, results: results.collect() };
    api::json(StatusCode::CREATED, &body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, item, ok, tier};

    use super::*;

    async fn answer(aws: &FakeAws, request: TestRequest, number: &str) -> Answer {
        let request = request.path("phone_number", number).build();
        upload(&aws.records(), &aws.objects(), "DE", request).await.into()
    }

    fn with_file(size: u64) -> TestRequest {
        let file = json!({"file_name": "cat.jpg", "content_type": "image/jpeg", "size": size});
        TestRequest::new("POST").json(&json!({"files": [file]}))
    }

    #[tokio::test]
    async fn a_request_without_a_token_is_refused() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, TestRequest::new("POST").public(), "+41446681800").await;
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 401,
          "headers": {
            "www-authenticate": "Bearer"
          },
          "body": {
            "code": "unauthorized",
            "detail": "Log in: send Authorization: Bearer <access token>.",
            "status": 401,
            "title": "Unauthorized",
            "type": "urn:darkroom:problem:unauthorized"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_number_without_a_country_code_belongs_to_the_country_of_the_deployment() {
        let aws = FakeAws::new([ok("GetItem", item(&tier())), ok("TransactWriteItems", json!({}))]);
        let answer = answer(&aws, with_file(1000), "030 901820").await;
        assert_eq!((answer.status, &answer.body["phone_number"]), (201, &json!("+4930901820")));
        let result = &answer.body["results"][0];
        assert_eq!(result["image"]["phone_number"], "+4930901820");
        assert_eq!(result["upload"]["method"], "PUT");
        let calls = aws.calls();
        let (_, input) = calls.iter().find(|(operation, _)| operation == "TransactWriteItems").unwrap();
        let stored = &input["TransactItems"][1]["Put"]["Item"];
        assert_eq!(stored["phone_number"], json!({"S": "+4930901820"}));
    }

    #[tokio::test]
    async fn an_invalid_number_or_file_is_refused_without_a_call() {
        let aws = FakeAws::new([]);
        let number = answer(&aws, with_file(1000), "12").await;
        insta::assert_json_snapshot!(number, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-phone-number",
            "detail": "phone_number: must be a phone number such as +49 30 123456.",
            "field": "phone_number",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-phone-number"
          }
        }
        "#);
        let file = answer(&aws, with_file(0), "030 901820").await;
        assert_eq!((file.status, &file.body["code"]), (400, &json!("invalid-field")));
        assert!(aws.calls().is_empty());
    }
}

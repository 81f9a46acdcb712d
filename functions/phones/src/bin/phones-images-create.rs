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
    api::serve(|request| upload(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct UploadsBody<'a> {
    phone_number: &'a PhoneNumber,
    results: Vec<CreatedBody<'a>>,
}

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let phone_number = phones::number_in_path(&request)?;
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
    use test_support::{Answer, FakeAws, TestRequest};

    use super::*;

    #[tokio::test]
    async fn a_request_without_a_token_is_refused() {
        let aws = FakeAws::new([]);
        let request = TestRequest::new("POST").public().path("phone_number", "+41446681800").build();
        insta::assert_json_snapshot!(Answer::from(upload(&aws.records(), &aws.objects(), request).await), @r#"
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
}

//! `POST /api/phones/{phone_number}/images`: creates pending images for a phone number, all or none, and signs
//! their uploads.

use api::{Caller, CreatedBody, Error, Object, Reply, Request, StatusCode};
use domain::{ContentType, FileName, Image, InvalidField, NewImage, PhoneNumber, Sha256, Upload, UploadSize};
use serde::{Deserialize, Serialize};
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
    files: Files,
}

/// 1 to 20 files.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Object<File>>")]
struct Files(Vec<File>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    file_name: FileName,
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
}

#[derive(Debug, Serialize)]
struct UploadsBody<'a> {
    phone_number: &'a PhoneNumber,
    results: Vec<CreatedBody<'a>>,
}

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let phone_number = phones::number_in_path(&request)?;
    let Body { files: Files(files) } = api::body(&request)?;
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let pending =
        |file: File| Image { phone_number: Some(phone_number.clone()), ..Image::pending(file.into(), now) };
    let images = files.into_iter().map(pending).collect();
    let pending = api::create_uploads(records, objects, &caller.user, images, key.as_ref(), now).await?;
    let uploads = pending.images.iter();
    let results = uploads.map(|(image, ticket)| CreatedBody::new(image, ticket.clone(), pending.at));
    let body = UploadsBody { phone_number: &phone_number, results: results.collect() };
    api::json(StatusCode::CREATED, &body)
}

impl TryFrom<Vec<Object<File>>> for Files {
    type Error = InvalidField;

    fn try_from(files: Vec<Object<File>>) -> Result<Self, InvalidField> {
        let fits = (1..=20).contains(&files.len());
        let files = files.into_iter().map(|Object(file)| file).collect();
        fits.then_some(Self(files)).ok_or_else(|| InvalidField::from("must be 1 to 20 files"))
    }
}

impl From<File> for NewImage {
    fn from(file: File) -> Self {
        Self {
            file_name: file.file_name,
            title: None,
            description: None,
            upload: Upload {
                content_type: file.content_type,
                size: file.size,
                checksum_sha256: file.checksum_sha256,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use endpoint_test::{Answer, FakeAws, TestRequest};
    use serde_json::{Value, json};

    use super::*;

    fn files(count: usize) -> Value {
        json!({"files": vec![json!({"file_name": "a.jpg", "content_type": "image/jpeg", "size": 1}); count]})
    }

    #[test]
    fn a_request_has_one_to_twenty_files() {
        for (count, fits) in [(0, false), (1, true), (20, true), (21, false)] {
            assert_eq!(serde_json::from_value::<Body>(files(count)).is_ok(), fits, "{count}");
        }
    }

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

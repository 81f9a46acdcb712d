//! `POST /api/images/{id}/upload`: signs the upload of a pending image again.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode, UploadBody};
use domain::Status;
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| upload(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct UploadResponse {
    upload: UploadBody,
}

async fn upload(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let now = domain::now();
    let image = records.image(&caller.user, id, now).await?.ok_or_else(Problem::not_found)?;
    if image.status != Status::Pending {
        return Err(Problem::new(
            ProblemCode::NotPending,
            format!("This image is {}. Its upload has arrived.", image.status.as_str()),
        ));
    }
    if image.awaits_edit() {
        let detail = "An edit creates the file of this image, so there is nothing to upload.";
        return Err(Problem::new(ProblemCode::NotPending, detail));
    }
    let upload = objects.presigned_upload(&caller.user, &image, now).await?;
    api::json(StatusCode::OK, &UploadResponse { upload: UploadBody::new(upload, now) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, image, item, ok, ready_image};

    use super::*;

    async fn answer(image: &Value) -> Answer {
        let aws = FakeAws::new([ok("GetItem", item(image))]);
        let request = TestRequest::new("POST").path("id", IMAGE_ID).build();
        upload(&aws.records(), &aws.objects(), request).await.into()
    }

    #[tokio::test]
    async fn a_pending_image_gets_a_new_upload() {
        insta::assert_json_snapshot!(answer(&image()).await, {
            ".body.upload.url" => "[url]",
            ".body.upload.expires_at" => "[time]",
        }, @r#"
        {
          "status": 200,
          "body": {
            "upload": {
              "expires": 900,
              "expires_at": "[time]",
              "headers": {
                "content-type": "image/jpeg",
                "if-none-match": "*"
              },
              "method": "PUT",
              "url": "[url]"
            }
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_image_whose_file_has_arrived_gets_none() {
        insta::assert_json_snapshot!(answer(&ready_image()).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "not-pending",
            "detail": "This image is ready. Its upload has arrived.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:not-pending"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_edit_gets_none() {
        let mut edit = image();
        edit["source_image_id"] = json!(IMAGE_ID);
        insta::assert_json_snapshot!(answer(&edit).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "not-pending",
            "detail": "An edit creates the file of this image, so there is nothing to upload.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:not-pending"
          }
        }
        "#);
    }
}

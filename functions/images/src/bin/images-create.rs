//! `POST /api/images`: creates a pending image and signs its upload.
//!
//! A requested analysis or edit begins when the picture is ready. The image of the edit is created, and counted, at
//! once.

use api::{Caller, CreatedBody, Error, PendingUploads, Problem, Reply, Request, StatusCode};
use domain::{
    ContentType, Description, FileName, Image, NewImage, Prompt, Sha256, Title, Upload, UploadSize,
};
use serde::Deserialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| create(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
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

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    if body.analyze || body.edit_prompt.is_some() {
        api::require_ai()?;
    }
    let (now, key) = (domain::now(), api::idempotency_key(&request)?);
    let (analyze, edit_prompt) = (body.analyze, body.edit_prompt.clone());
    let images = Image::pending(body.into(), now).with_deferred_jobs(analyze, edit_prompt, now);
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
    use test_support::{Answer, FakeAws, TestRequest, item, ok, profile, tier};

    use super::*;

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        create(&aws.records(), &aws.objects(), TestRequest::new("POST").json(body).build()).await.into()
    }

    fn body() -> Value {
        json!({"file_name": "cat.jpg", "content_type": "image/jpeg", "size": 1000})
    }

    #[tokio::test]
    async fn an_image_is_created_with_an_upload() {
        let aws = FakeAws::new([ok("GetItem", item(&profile(tier()))), ok("TransactWriteItems", json!({}))]);
        insta::assert_json_snapshot!(answer(&aws, &body()).await, {
            ".body.image.id" => "[id]",
            ".body.image.created_at" => "[time]",
            ".body.image.updated_at" => "[time]",
            ".body.upload.url" => "[url]",
            ".body.upload.expires_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "image": {
              "analysis": null,
              "content_type": "image/jpeg",
              "created_at": "[time]",
              "description": null,
              "dropbox": null,
              "dropbox_url": null,
              "edit_image_id": null,
              "edit_prompt": null,
              "exif": null,
              "failure": null,
              "file_name": "cat.jpg",
              "focal_point": null,
              "height": null,
              "id": "[id]",
              "original_url": null,
              "phone_number": null,
              "placeholder": null,
              "set": null,
              "size": 1000,
              "source_image_id": null,
              "srcset": null,
              "status": "pending",
              "thumbnails": [],
              "title": null,
              "trash": null,
              "updated_at": "[time]",
              "upload_link": null,
              "uploaded_at": null,
              "version": 1,
              "width": null
            },
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
    async fn a_file_above_the_limit_of_the_tier_is_refused() {
        let reasons = json!([
            {"Code": "ConditionalCheckFailed", "Item": item(&profile(tier()))["Item"]},
            {"Code": "None"},
        ]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws =
            FakeAws::new([ok("GetItem", item(&profile(tier()))), ("TransactWriteItems", 400, cancelled)]);
        let body = json!({"file_name": "cat.jpg", "content_type": "image/jpeg", "size": 10_000_001});
        insta::assert_json_snapshot!(answer(&aws, &body).await, @r#"
        {
          "status": 413,
          "body": {
            "code": "file-too-large",
            "detail": "The Basic tier allows files of at most 10000000 bytes.",
            "field": "size",
            "max_image_bytes": 10000000,
            "status": 413,
            "title": "Payload Too Large",
            "type": "urn:darkroom:problem:file-too-large"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn without_a_provider_a_request_for_ai_is_refused_before_any_call() {
        let aws = FakeAws::new([]);
        let mut body = body();
        body["analyze"] = json!(true);
        insta::assert_json_snapshot!(answer(&aws, &body).await, @r#"
        {
          "status": 501,
          "body": {
            "code": "ai-not-configured",
            "detail": "This deployment has no AI provider. Send the image without analyze and edit_prompt.",
            "status": 501,
            "title": "Not Implemented",
            "type": "urn:darkroom:problem:ai-not-configured"
          }
        }
        "#);
        assert!(aws.calls().is_empty());
    }
}

//! `GET /api/images/{id}`: returns an image with the addresses that the caller's tier allows.

use api::{Caller, Error, ImageBody, Problem, Reply, Request, StatusCode};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let now = domain::now();
    let (found, ()) =
        tokio::try_join!(records.image_and_profile(&caller.user, id, now), objects.prepare_addresses(),)?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    let links = objects.links(&caller.user, &image, &profile.limits, now).await?;
    api::json(StatusCode::OK, &ImageBody::new(&image, links))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, item, ok, profile, ready_image, tier};

    use super::*;

    async fn answer(aws: &FakeAws) -> Answer {
        let request = TestRequest::new("GET").path("id", IMAGE_ID).build();
        get(&aws.records(), &aws.objects(), request).await.into()
    }

    #[tokio::test]
    async fn an_image_has_the_addresses_that_the_tier_allows() {
        let aws = FakeAws::new([ok("GetItem", item(&ready_image())), ok("GetItem", item(&profile(tier())))]);
        insta::assert_json_snapshot!(answer(&aws).await, {
            ".body.thumbnails[].url" => "[url]",
            ".body.srcset" => "[url] 200w",
        }, @r##"
        {
          "status": 200,
          "body": {
            "analysis": null,
            "content_type": "image/jpeg",
            "created_at": "2026-03-12T19:03:58Z",
            "description": null,
            "dropbox": null,
            "dropbox_url": null,
            "edit_image_id": null,
            "edit_prompt": null,
            "exif": null,
            "failure": null,
            "file_name": "cat.jpg",
            "focal_point": null,
            "height": 480,
            "id": "01K8Z3J5Q0000000000000TEST",
            "original_url": null,
            "phone_number": null,
            "placeholder": {
              "color": "#806040",
              "thumbhash": "3OcRJYB4d3h/iIeHeEh3eIhw+j3A"
            },
            "set": null,
            "size": 1000,
            "source_image_id": null,
            "srcset": "[url] 200w",
            "status": "ready",
            "thumbnails": [
              {
                "content_type": "image/jpeg",
                "height": 150,
                "size": 200,
                "url": "[url]",
                "width": 200
              }
            ],
            "title": null,
            "trash": null,
            "updated_at": "2026-03-12T19:03:58Z",
            "upload_link": null,
            "uploaded_at": "2026-03-12T19:04:00Z",
            "version": 1,
            "width": 640
          }
        }
        "##);
    }

    #[tokio::test]
    async fn the_link_to_the_copy_in_dropbox_is_for_tiers_that_may_download_originals() {
        let mut image = ready_image();
        let url = "https://www.dropbox.com/scl/fi/x/cat.jpg?dl=0";
        image["dropbox_copy"] =
            json!({"job": IMAGE_ID, "path": "/+41446681800/x_cat.jpg", "status": "done", "url": url});
        for may_download in [false, true] {
            let mut tier = tier();
            tier["original_link"] = json!(may_download);
            let aws = FakeAws::new([ok("GetItem", item(&image)), ok("GetItem", item(&profile(tier)))]);
            let body = answer(&aws).await.body;
            assert_eq!(body["dropbox"]["status"], "done", "{body}");
            assert_eq!(body["original_url"].is_string(), may_download, "{body}");
            assert_eq!(body["dropbox_url"], if may_download { json!(url) } else { json!(null) });
        }
    }

    #[tokio::test]
    async fn another_users_image_does_not_exist() {
        let aws = FakeAws::new([ok("GetItem", json!({})), ok("GetItem", item(&profile(tier())))]);
        insta::assert_json_snapshot!(answer(&aws).await, @r#"
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
        // The caller's own id is in the key, so no other user's image can be found.
        insta::assert_json_snapshot!(aws.calls()[0].1["Key"], @r#"
        {
          "pk": {
            "S": "USER#5f0c3c9e-0000-4000-8000-000000000000"
          },
          "sk": {
            "S": "IMAGE#01K8Z3J5Q0000000000000TEST"
          }
        }
        "#);
    }
}

//! `GET /api/upload-links/{id}/images`: shows a guest what the link accepts, and the progress of its images. It needs
//! no token.

use api::{Error, Problem, Reply, Request, StatusCode};
use domain::Timestamp;
use serde::Serialize;
use store::Records;
use upload_links::{GuestImageBody, link_in_path, time};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| list(&records, request)).await
}

#[derive(Debug, Serialize)]
struct GuestLinkBody {
    max_images: u32,
    remaining: u32,
    max_image_bytes: u64,
    expires_at: Timestamp,
    images: Vec<GuestImageBody>,
}

async fn list(records: &Records, request: Request) -> Reply {
    let (id, now) = (link_in_path(&request)?, domain::now());
    let link = records.upload_link(&id, now).await?.ok_or_else(Problem::upload_link_not_found)?;
    let mut images = records.images_by_id(id.user(), link.images.iter().copied(), now).await?;
    // The link has the order of the requests. The ids of images that were created together do not sort.
    images.sort_by_key(|image| link.images.iter().position(|id| *id == image.id));
    api::json(
        StatusCode::OK,
        &GuestLinkBody {
            max_images: link.max_images,
            remaining: link.remaining,
            max_image_bytes: link.max_image_bytes,
            expires_at: time(link.expires_at),
            images: images.iter().map(GuestImageBody::new).collect(),
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, image, item, ok, ready_image};

    use super::*;

    fn link(expires_at: i64) -> (String, Value) {
        let secret = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";
        let id = format!("{secret}-{USER}");
        let link = json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("UPLOADLINK#{secret}"),
            "link_id": id,
            "phone_number": "+4930901820",
            "max_images": 5,
            "remaining": 3,
            "max_image_bytes": 1000,
            "created_at": "2026-03-12T19:03:58Z",
            "expires_at": expires_at,
            "images": [IMAGE_ID],
        });
        (id, link)
    }

    async fn answer(expires_at: i64, image: &Value) -> Answer {
        let (id, link) = link(expires_at);
        let image = json!({"Responses": {"table": [item(image)["Item"]]}, "UnprocessedKeys": {}});
        let aws = FakeAws::new([ok("GetItem", item(&link)), ok("BatchGetItem", image)]);
        let request = TestRequest::new("GET").public().path("id", &id).build();
        list(&aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn a_guest_sees_progress_and_nothing_of_the_owner() {
        let mut ready = ready_image();
        ready["phone_number"] = json!("+4930901820");
        insta::assert_json_snapshot!(answer(4_000_000_000, &ready).await, @r#"
        {
          "status": 200,
          "body": {
            "expires_at": "2096-10-02T07:06:40Z",
            "images": [
              {
                "code": null,
                "id": "01K8Z3J5Q0000000000000TEST",
                "status": "ready"
              }
            ],
            "max_image_bytes": 1000,
            "max_images": 5,
            "remaining": 3
          }
        }
        "#);
        let mut failed = image();
        failed["status"] = json!("failed");
        failed["failure"] = json!({"code": "corrupt-image", "detail": "The file ends early."});
        let answer = answer(4_000_000_000, &failed).await;
        assert_eq!(answer.body["images"][0]["code"], "corrupt-image");
    }

    #[tokio::test]
    async fn images_keep_the_order_in_which_guests_created_them() {
        let ids = ["01K8Z3J5Q0000000000000TEST", "01K8Z3J5Q00000000000000000", "01K8Z3J5Q0000000000000MANY"];
        let (id, mut link) = link(4_000_000_000);
        link["images"] = json!(ids);
        let stored = ids.map(|id| {
            let mut image = image();
            image["id"] = json!(id);
            item(&image)["Item"].clone()
        });
        let [first, second, third] = stored;
        // DynamoDB returns the items of a batch in any order.
        let images = json!({"Responses": {"table": [third, first, second]}, "UnprocessedKeys": {}});
        let aws = FakeAws::new([ok("GetItem", item(&link)), ok("BatchGetItem", images)]);
        let request = TestRequest::new("GET").public().path("id", &id).build();
        let answer = Answer::from(list(&aws.records(), request).await);
        let images = answer.body["images"].as_array().unwrap();
        assert_eq!(images.iter().map(|image| &image["id"]).collect::<Vec<_>>(), ids);
    }

    #[tokio::test]
    async fn an_expired_link_is_not_found_before_dynamodb_deletes_it() {
        let answer = answer(1, &image()).await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("upload-link-not-found")));
    }
}

//! `POST /api/upload-links/{id}/images`: creates pending images for a guest, all or none, and signs their uploads. It
//! needs no token. The images belong to the owner of the link.

use api::{Error, FilesBody, Problem, ProblemCode, Reply, Request, StatusCode, UploadBody};
use domain::{Image, NewImage, UploadLink};
use serde::Serialize;
use store::{Objects, Records};
use upload_links::{GuestImageBody, guest_problem, link_in_path};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| create(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct UploadsBody {
    results: Vec<ResultBody>,
}

#[derive(Debug, Serialize)]
struct ResultBody {
    image: GuestImageBody,
    upload: UploadBody,
}

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let files: FilesBody = api::body(&request)?;
    let id = link_in_path(&request)?;
    let (now, key) = (domain::now(), api::guest_idempotency_key(&request, &id)?);
    let found = records.upload_link_and_profile(&id, now).await?;
    let (link, profile) = found.ok_or_else(Problem::upload_link_not_found)?;
    let mut images = Vec::new();
    for (index, new) in files.into_images().enumerate() {
        check_size(&link, index, &new)?;
        let (phone_number, upload_link) = (link.phone_number.clone(), Some(id.clone()));
        images.push(Image { phone_number, upload_link, ..Image::pending(new, now) });
    }
    let owner = (&id, profile);
    let pending = api::create_images_for_guest(records, objects, owner, images, key.as_ref(), now);
    let pending = pending.await.map_err(guest_problem)?;
    let results = pending.images.into_iter().map(|(image, upload)| ResultBody {
        image: GuestImageBody::new(&image),
        upload: UploadBody::new(upload, pending.at),
    });
    api::json(StatusCode::CREATED, &UploadsBody { results: results.collect() })
}

fn check_size(link: &UploadLink, index: usize, new: &NewImage) -> Result<(), Problem> {
    let max = link.max_image_bytes;
    if new.upload.size.bytes() <= max {
        return Ok(());
    }
    let problem =
        Problem::new(ProblemCode::FileTooLarge, format!("This link accepts files of at most {max} bytes."));
    Err(problem.with("field", format!("files[{index}].size")).with("max_image_bytes", max))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, item, ok, profile, tier};

    use super::*;

    const SECRET: &str = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";

    fn link() -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("UPLOADLINK#{SECRET}"),
            "link_id": format!("{SECRET}-{USER}"),
            "phone_number": "+4930901820",
            "max_images": 5,
            "remaining": 5,
            "max_image_bytes": 1000,
            "created_at": "2026-03-12T19:03:58Z",
            "expires_at": 4_000_000_000_i64,
            "images": [],
        })
    }

    fn cancelled(reasons: &Value) -> (&'static str, u16, Value) {
        let body = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        ("TransactWriteItems", 400, body)
    }

    async fn answer(transaction: (&'static str, u16, Value), sizes: &[u64]) -> (Answer, FakeAws) {
        answer_with(&profile(tier()), transaction, sizes).await
    }

    async fn answer_with(
        profile: &Value,
        transaction: (&'static str, u16, Value),
        sizes: &[u64],
    ) -> (Answer, FakeAws) {
        let aws = FakeAws::new([
            ok("GetItem", item(&link())),
            ok("GetItem", item(profile)),
            ok("GetItem", item(&tier())),
            transaction,
        ]);
        let file = |size| json!({"file_name": "cat.jpg", "content_type": "image/jpeg", "size": size});
        let files: Vec<_> = sizes.iter().map(file).collect();
        let request = TestRequest::new("POST").public().path("id", &format!("{SECRET}-{USER}"));
        let request = request.json(&json!({"files": files})).build();
        (create(&aws.records(), &aws.objects(), request).await.into(), aws)
    }

    #[tokio::test]
    async fn a_guest_gets_uploads_and_learns_nothing_of_the_owner() {
        let (answer, _) = answer(ok("TransactWriteItems", json!({})), &[1000]).await;
        insta::assert_json_snapshot!(answer, {
            ".body.results[].image.id" => "[id]",
            ".body.results[].upload.url" => "[url]",
            ".body.results[].upload.expires_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "results": [
              {
                "image": {
                  "code": null,
                  "id": "[id]",
                  "status": "pending"
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
            ]
          }
        }
        "#);
    }

    #[tokio::test]
    async fn one_transaction_counts_against_the_link_and_against_the_owner() {
        let (answer, aws) = answer(ok("TransactWriteItems", json!({})), &[1, 1]).await;
        assert_eq!(answer.status, 201);
        let calls = aws.calls();
        let transactions = calls.iter().filter(|(operation, _)| operation == "TransactWriteItems");
        let [(_, transaction)] = transactions.collect::<Vec<_>>()[..] else { panic!("{calls:?}") };
        let updates = transaction["TransactItems"].as_array().unwrap().iter();
        let keys = updates.filter_map(|item| item["Update"]["Key"]["sk"]["S"].as_str());
        assert_eq!(keys.collect::<Vec<_>>(), [format!("UPLOADLINK#{SECRET}").as_str(), "PROFILE"]);
        let put = &transaction["TransactItems"][2]["Put"]["Item"];
        assert_eq!(put["pk"]["S"], format!("USER#{USER}"));
        assert_eq!(put["phone_number"]["S"], "+4930901820");
        assert_eq!(put["upload_link"]["S"], format!("{SECRET}-{USER}"));
    }

    #[tokio::test]
    async fn a_file_above_the_limit_of_the_link_is_refused_before_the_transaction() {
        let (answer, aws) = answer(ok("TransactWriteItems", json!({})), &[1, 1001]).await;
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 413,
          "body": {
            "code": "file-too-large",
            "detail": "This link accepts files of at most 1000 bytes.",
            "field": "files[1].size",
            "max_image_bytes": 1000,
            "status": 413,
            "title": "Payload Too Large",
            "type": "urn:darkroom:problem:file-too-large"
          }
        }
        "#);
        assert!(!aws.operations().contains(&"TransactWriteItems".to_owned()));
    }

    #[tokio::test]
    async fn a_link_without_room_and_a_revoked_link_have_codes_of_their_own() {
        let refused = |stored: Value| {
            let mut reason = json!({"Code": "ConditionalCheckFailed"});
            if !stored.is_null() {
                reason["Item"] = item(&stored)["Item"].clone();
            }
            cancelled(&json!([reason, {"Code": "None"}, {"Code": "None"}]))
        };
        let (full, _) = answer(refused(link()), &[1]).await;
        assert_eq!((full.status, &full.body["code"]), (409, &json!("upload-link-full")));
        let (revoked, _) = answer(refused(Value::Null), &[1]).await;
        assert_eq!((revoked.status, &revoked.body["code"]), (404, &json!("upload-link-not-found")));
    }

    #[tokio::test]
    async fn the_link_of_a_deleted_account_is_not_found() {
        let mut deleting = profile(tier());
        deleting["deleting_since"] = json!("2026-11-28T19:03:58Z");
        // At the end, the profile has no content. It then exists longer than the link.
        let tombstone =
            json!({"pk": deleting["pk"], "sk": "PROFILE", "deleting_since": "2026-11-28T19:03:58Z"});
        for profile in [&deleting, &tombstone] {
            let (answer, aws) = answer_with(profile, ok("TransactWriteItems", json!({})), &[1]).await;
            assert_eq!((answer.status, &answer.body["code"]), (404, &json!("upload-link-not-found")));
            assert!(!aws.operations().contains(&"TransactWriteItems".to_owned()));
        }
        // The deletion begins between the read and the transaction.
        let reason = json!({"Code": "ConditionalCheckFailed", "Item": item(&deleting)["Item"]});
        let (answer, _) = answer(cancelled(&json!([{"Code": "None"}, reason, {"Code": "None"}])), &[1]).await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("upload-link-not-found")));
    }

    #[tokio::test]
    async fn a_limit_of_the_owner_is_refused_without_its_numbers() {
        let mut full = profile(tier());
        full["images"] = json!(100);
        let reason = json!({"Code": "ConditionalCheckFailed", "Item": item(&full)["Item"]});
        let (answer, _) = answer(cancelled(&json!([{"Code": "None"}, reason, {"Code": "None"}])), &[1]).await;
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 409,
          "body": {
            "code": "quota-exceeded",
            "detail": "The person who sent you this link has no room for more pictures. Tell them, or try again later.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:quota-exceeded"
          }
        }
        "#);
    }
}

//! `POST /api/downloads`: requests an archive with the originals of many images.

use std::collections::{HashMap, HashSet};

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{Download, Image, ImageId, Timestamp, UserId};
use images::DownloadBody;
use serde::Deserialize;
use store::{Created, Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| create(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    image_ids: Vec<ImageId>,
}

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let Body { image_ids } = api::body(&request)?;
    check_ids(&image_ids)?;
    let (user, now, key) = (&caller.user, domain::now(), api::idempotency_key(&request)?);
    let (images, profile, ()) = tokio::try_join!(
        records.images_by_id(user, image_ids.iter().copied(), now),
        records.profile_or_default(user),
        objects.prepare_addresses(),
    )?;
    let bytes = if profile.limits.original_link {
        total_bytes(&image_ids, images)
    } else {
        Err(Problem::originals_not_in_tier(&profile.limits))
    };
    let download = match bytes {
        Ok(bytes) => {
            let download = Download::new(image_ids, bytes, now);
            match records.create_download(user, download.clone(), key.as_ref(), now).await? {
                Created::New => download,
                Created::Replayed(before) => by_now(records, user, before, now).await?,
            }
        }
        // The tier and the images may have changed after the first request.
        Err(refusal) => {
            let before = records.created_before(user, key.as_ref(), now).await?.ok_or(refusal)?;
            by_now(records, user, before, now).await?
        }
    };
    api::json(StatusCode::ACCEPTED, &DownloadBody::of(download, objects, user, now).await?)
}

/// A download that the same request created before, with the progress by now.
async fn by_now(
    records: &Records,
    user: &UserId,
    before: Download,
    now: Timestamp,
) -> Result<Download, Problem> {
    Ok(records.download(user, before.id, now).await?.unwrap_or(before))
}

/// Each id is there once.
fn check_ids(ids: &[ImageId]) -> Result<(), Problem> {
    const MAX: usize = Download::MAX_IMAGES;
    if !(1..=MAX).contains(&ids.len()) {
        return Err(Problem::invalid_field("image_ids", format!("image_ids: 1 to {MAX} ids of images")));
    }
    let mut seen = HashSet::with_capacity(ids.len());
    match ids.iter().position(|id| !seen.insert(id)) {
        Some(index) => Err(wrong_id(index, "is also elsewhere in the list")),
        None => Ok(()),
    }
}

/// The sum of the lengths of the originals.
fn total_bytes(ids: &[ImageId], images: Vec<Image>) -> Result<u64, Problem> {
    const MAX: u64 = Download::MAX_BYTES;
    let images: HashMap<ImageId, Image> = images.into_iter().map(|image| (image.id, image)).collect();
    let mut bytes = 0_u64;
    for (index, id) in ids.iter().enumerate() {
        let picture = images.get(id).and_then(|image| image.picture.as_ref());
        let picture =
            picture.ok_or_else(|| wrong_id(index, "you have no image with this id and a picture"))?;
        bytes = bytes.saturating_add(picture.upload.size.bytes());
    }
    if bytes > MAX {
        let detail = format!("image_ids: the pictures have {bytes} bytes, and a download has at most {MAX}");
        return Err(Problem::invalid_field("image_ids", detail));
    }
    Ok(bytes)
}

fn wrong_id(index: usize, reason: &str) -> Problem {
    let field = format!("image_ids[{index}]");
    Problem::invalid_field(&field, format!("{field}: {reason}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, batch, image, item, items, ok, profile, ready_image, tier,
    };

    use super::*;

    async fn answer(aws: &FakeAws, body: &Value) -> Answer {
        let request = TestRequest::new("POST").json(body).build();
        create(&aws.records(), &aws.objects(), request).await.into()
    }

    fn allowed() -> Value {
        let mut tier = tier();
        tier["original_link"] = json!(true);
        profile(tier)
    }

    fn aws(image: &Value, profile: &Value) -> FakeAws {
        aws_with(image, profile, &[])
    }

    /// An AWS where the user has these downloads.
    fn aws_with(image: &Value, profile: &Value, downloads: &[Value]) -> FakeAws {
        FakeAws::new([
            ok("BatchGetItem", batch(std::slice::from_ref(image))),
            ok("GetItem", item(profile)),
            ok("Query", items(downloads)),
            ok("TransactWriteItems", json!({})),
        ])
    }

    #[tokio::test]
    async fn a_download_begins_with_its_job() {
        let aws = aws(&ready_image(), &allowed());
        insta::assert_json_snapshot!(answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await, {
            ".body.id" => "[id]",
            ".body.created_at" => "[time]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 202,
          "body": {
            "bytes": 1000,
            "bytes_done": 0,
            "created_at": "[time]",
            "expires_at": "[time]",
            "failure": null,
            "files": 1,
            "files_done": 0,
            "files_skipped": 0,
            "id": "[id]",
            "status": "queued",
            "url": null
          }
        }
        "#);
        let calls = aws.calls();
        let written = calls[3].1["TransactItems"].as_array().unwrap();
        assert_eq!(written[0]["Put"]["Item"]["sk"]["S"], "DOWNLOAD#0");
        assert_eq!(written[1]["Put"]["Item"]["task"]["S"], "download");
    }

    #[tokio::test]
    async fn a_failed_download_makes_room_if_there_is_no_other() {
        let downloads = |statuses: &[&str]| -> Vec<Value> {
            let download = |(slot, status): (usize, &&str)| {
                json!({
                    "id": IMAGE_ID, "slot": slot, "job": IMAGE_ID, "images": [IMAGE_ID], "bytes": 1000,
                    "status": status, "created_at": "2026-03-12T19:03:58Z", "expires_at": 4_000_000_000_i64,
                })
            };
            statuses.iter().enumerate().map(download).collect()
        };
        for (statuses, record) in [
            (["done", "queued", "failed", "failed", "done"].as_slice(), "DOWNLOAD#2"),
            (["failed", "failed", "done"].as_slice(), "DOWNLOAD#3"),
        ] {
            let aws = aws_with(&ready_image(), &allowed(), &downloads(statuses));
            let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            let put = &aws.calls()[3].1["TransactItems"][0]["Put"];
            assert_eq!(put["Item"]["sk"]["S"], record);
            // The record is free for DynamoDB too.
            let values = put["ExpressionAttributeValues"].as_object().unwrap();
            assert!(values.values().any(|value| value["S"] == "failed"), "{put}");
        }
        let reasons = json!([{"Code": "ConditionalCheckFailed"}, {"Code": "None"}, {"Code": "None"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&[ready_image()])),
            ok("GetItem", item(&allowed())),
            ok("Query", items(&downloads(&["done", "queued", "done", "queued", "done"]))),
            ("TransactWriteItems", 400, cancelled),
        ]);
        let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
        assert_eq!((answer.status, &answer.body["limit"]), (409, &json!("max_downloads")));
    }

    #[tokio::test]
    async fn a_tier_without_originals_has_no_downloads() {
        let aws = aws(&ready_image(), &profile(tier()));
        let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("originals-not-in-tier")));
    }

    #[tokio::test]
    async fn a_repeated_request_has_its_answer_although_it_would_be_refused_by_now() {
        let send = async |aws: &FakeAws, id: &str| -> Answer {
            let request = TestRequest::new("POST").header("idempotency-key", "k");
            let request = request.json(&json!({"image_ids": [id]})).build();
            create(&aws.records(), &aws.objects(), request).await.into()
        };
        let first_aws = aws(&ready_image(), &allowed());
        let first = send(&first_aws, IMAGE_ID).await;
        // The tier has changed, or the image was deleted.
        for (images, profile) in [(vec![ready_image()], profile(tier())), (Vec::new(), allowed())] {
            let aws = || {
                FakeAws::new([
                    ok("BatchGetItem", batch(&images)),
                    ok("GetItem", item(&profile)),
                    ok("GetItem", first_aws.stored_answer()),
                    ok("Query", items(&[])),
                ])
            };
            let again = send(&aws(), IMAGE_ID).await;
            assert_eq!((again.status, &again.body["id"]), (202, &first.body["id"]), "{again:?}");
            // Another request with this key has no answer.
            let other = send(&aws(), "01K8Z3J5Q0000000000000THER").await;
            assert!([400, 403].contains(&other.status), "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_wrong_id_is_named() {
        let other = "01K8Z3J5Q0000000000000THER";
        for (ids, field) in [
            (json!([]), "image_ids"),
            (json!([IMAGE_ID, IMAGE_ID]), "image_ids[1]"),
            (json!([IMAGE_ID, other]), "image_ids[1]"),
            (json!(["x"]), "image_ids[0]"),
        ] {
            let aws = aws(&ready_image(), &allowed());
            let answer = answer(&aws, &json!({"image_ids": ids})).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{ids}");
        }
        // An image that waits for its file has no original.
        let answer = answer(&aws(&image(), &allowed()), &json!({"image_ids": [IMAGE_ID]})).await;
        assert_eq!(answer.body["field"], "image_ids[0]");
    }

    #[tokio::test]
    async fn more_than_four_gigabytes_are_refused() {
        let mut large = ready_image();
        large["picture"]["size"] = json!(4_000_000_001_u64);
        let answer = answer(&aws(&large, &allowed()), &json!({"image_ids": [IMAGE_ID]})).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("image_ids")));
    }
}

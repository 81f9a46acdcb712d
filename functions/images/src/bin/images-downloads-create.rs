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
    let requested = if profile.limits.original_link {
        download_of(image_ids, images, now)
    } else {
        Err(Problem::originals_not_in_tier(&profile.limits))
    };
    let download = match requested {
        Ok(download) => match records.create_download(user, download.clone(), key.as_ref(), now).await? {
            Created::New => download,
            Created::Replayed(before) => by_now(records, user, before, now).await?,
        },
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
        Some(index) => {
            let field = format!("image_ids[{index}]");
            Err(Problem::invalid_field(&field, format!("{field}: is also elsewhere in the list")))
        }
        None => Ok(()),
    }
}

/// The download of the images that have a picture. It only counts the others: those that are not ready, and those that do
/// not exist.
fn download_of(ids: Vec<ImageId>, images: Vec<Image>, now: Timestamp) -> Result<Download, Problem> {
    const MAX: u64 = Download::MAX_BYTES;
    let size = |image: Image| Some((image.id, image.picture?.upload.size.bytes()));
    let sizes: HashMap<ImageId, u64> = images.into_iter().filter_map(size).collect();
    let (ready, others): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| sizes.contains_key(id));
    if ready.is_empty() {
        let detail = "image_ids: none of these images exists and has a picture";
        return Err(Problem::invalid_field("image_ids", detail));
    }
    let bytes = sizes.into_values().fold(0, u64::saturating_add);
    if bytes > MAX {
        let detail = format!("image_ids: the pictures have {bytes} bytes, and a download has at most {MAX}");
        let problem = Problem::invalid_field("image_ids", detail);
        return Err(problem.with("download_bytes", bytes).with("max_download_bytes", MAX));
    }
    let files_left_out = u32::try_from(others.len()).unwrap_or(u32::MAX);
    Ok(Download { files_left_out, ..Download::new(ready, bytes, now) })
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
    async fn images_without_a_picture_are_left_out_and_counted() {
        let other = "01K8Z3J5Q0000000000000THER";
        let (failed, pending) = ("01K8Z3J5Q00000000000000BAD", "01K8Z3J5Q0000000000000WA1T");
        let mut images = vec![ready_image()];
        for (status, id) in [("failed", failed), ("pending", pending)] {
            let mut image = image();
            (image["status"], image["id"]) = (json!(status), json!(id));
            images.push(image);
        }
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&images)),
            ok("GetItem", item(&allowed())),
            ok("Query", items(&[])),
            ok("TransactWriteItems", json!({})),
        ]);
        let answer = answer(&aws, &json!({"image_ids": [failed, other, IMAGE_ID, pending]})).await;
        assert_eq!((answer.status, &answer.body["files"]), (202, &json!(4)), "{answer:?}");
        assert_eq!((&answer.body["files_skipped"], &answer.body["bytes"]), (&json!(3), &json!(1000)));
        let stored = &aws.calls()[3].1["TransactItems"][0]["Put"]["Item"];
        assert_eq!(stored["images"]["L"], json!([{"S": IMAGE_ID}]));
    }

    #[tokio::test]
    async fn without_any_picture_there_is_no_download() {
        for images in [vec![image()], Vec::new()] {
            let aws = FakeAws::new([ok("BatchGetItem", batch(&images)), ok("GetItem", item(&allowed()))]);
            let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!("image_ids")));
        }
    }

    #[tokio::test]
    async fn a_download_that_has_ended_makes_room_if_no_record_is_empty() {
        let id_in = |slot: usize| format!("01K8Z3J5Q000000000000000{slot}0");
        // The oldest one is in the last record.
        let downloads = |statuses: &[&str], of_day: u32| -> Vec<Value> {
            let now = domain::now();
            let download = |(slot, status): (usize, &&str)| {
                let age = i64::try_from(slot).unwrap();
                let created_at = Timestamp::from_millisecond(now.as_millisecond() - age).unwrap();
                json!({
                    "id": id_in(slot), "slot": slot, "job": IMAGE_ID,
                    "images": [IMAGE_ID], "bytes": 1000, "status": status, "number_of_day": of_day,
                    "created_at": created_at, "expires_at": 4_000_000_000_i64,
                })
            };
            statuses.iter().enumerate().map(download).collect()
        };
        for (statuses, slot, replaced) in [
            (["done", "queued", "failed", "failed", "done"].as_slice(), 3, true),
            (["done", "queued", "done", "done", "queued"].as_slice(), 3, true),
            (["failed", "failed", "done"].as_slice(), 3, false),
        ] {
            let aws = aws_with(&ready_image(), &allowed(), &downloads(statuses, 1));
            let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            let items = &aws.calls()[3].1["TransactItems"];
            let put = &items[0]["Put"];
            assert_eq!(put["Item"]["sk"]["S"], format!("DOWNLOAD#{slot}"));
            // The other downloads, which were counted too.
            let keys = items.as_array().unwrap().iter().map(|item| &item["ConditionCheck"]["Key"]["sk"]["S"]);
            let checks = keys.filter(|sk| sk.as_str().is_some_and(|sk| sk.starts_with("DOWNLOAD#")));
            assert_eq!(checks.count(), statuses.len() - usize::from(replaced));
            assert_eq!(put["Item"]["number_of_day"]["N"], if replaced { "2" } else { "1" });
            // Another request may have taken the record meanwhile.
            let values = put["ExpressionAttributeValues"].as_object().unwrap();
            assert_eq!(values.values().any(|value| value["S"] == id_in(slot)), replaced, "{put}");
        }
        for (statuses, of_day, status, limit) in [
            (["queued"; 5], 1, 409, "max_downloads"),
            (["done", "queued", "done", "failed", "done"], 10, 429, "max_downloads_per_day"),
        ] {
            let aws = aws_with(&ready_image(), &allowed(), &downloads(&statuses, of_day));
            let answer = answer(&aws, &json!({"image_ids": [IMAGE_ID]})).await;
            assert_eq!((answer.status, &answer.body["limit"]), (status, &json!(limit)), "{answer:?}");
        }
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
        for (ids, field) in [
            (json!([]), "image_ids"),
            (json!([IMAGE_ID, IMAGE_ID]), "image_ids[1]"),
            (json!(["x"]), "image_ids[0]"),
        ] {
            let aws = aws(&ready_image(), &allowed());
            let answer = answer(&aws, &json!({"image_ids": ids})).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{ids}");
        }
    }

    #[tokio::test]
    async fn more_than_four_gigabytes_are_refused() {
        let mut large = ready_image();
        large["picture"]["size"] = json!(4_000_000_001_u64);
        let answer = answer(&aws(&large, &allowed()), &json!({"image_ids": [IMAGE_ID]})).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("image_ids")));
        assert_eq!(answer.body["download_bytes"], 4_000_000_001_u64);
        assert_eq!(answer.body["max_download_bytes"], 4_000_000_000_u64);
    }
}

//! `workers-thumbnail`: S3's events, including repeated, late and obsolete ones

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, events, id_of, pictures, until};

/// A picture that was processed, and its item.
pub(super) async fn developed(user: &User) -> Result<(String, Value)> {
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    let id = id_of(&image)?.to_owned();
    let record = user.record(&id).await?.context("no record")?;
    Ok((id, record))
}

/// Resets a picture to the state after its upload: pending, without thumbnails.
pub(super) async fn rewind(user: &User, id: &str) -> Result<()> {
    let update = "SET #status = :pending REMOVE sequencer, lease, picture, failure, uploaded_at";
    user.change_record(id, update, json!({":pending": "pending"})).await?;
    for key in user.objects(id).await?.1 {
        user.stack.aws.delete_object(&user.stack.outputs.derived_bucket, &key).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_same_event_twice_at_once_makes_one_set_of_thumbnails() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (id, before) = developed(&user).await?;
    rewind(&user, &id).await?;
    let key = user.key(&id);
    let event = events::uploaded([(key.as_str(), "A1")])?;
    let (first, second) =
        tokio::try_join!(stack.invoke("WorkersThumbnail", &event), stack.invoke("WorkersThumbnail", &event))?;
    // The second may be rejected for a retry while the first works.
    assert!(!first.failed || !second.failed, "{first:?} {second:?}");

    let after = user.record(&id).await?.context("no record")?;
    assert_eq!((&after["status"], &after["picture"]), (&json!("ready"), &before["picture"]));
    assert_eq!(user.objects(&id).await?.1.len(), 3);
    // A third, later delivery changes nothing either.
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(user.record(&id).await?.context("no record")?, after);
    Ok(())
}

#[tokio::test]
async fn an_event_older_than_the_last_one_is_ignored() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, _) = developed(&user).await?;
    rewind(&user, &id).await?;
    let key = user.key(&id);
    stack.invoke("WorkersThumbnail", &events::uploaded([(key.as_str(), "B2")])?).await?.ok()?;
    let after = user.record(&id).await?.context("no record")?;
    assert_eq!(after["status"], "ready");
    // A longer sequencer is not later because of its length.
    for older in ["B1", "B1FFFFFFFF", "0B2"] {
        stack.invoke("WorkersThumbnail", &events::uploaded([(key.as_str(), older)])?).await?.ok()?;
        assert_eq!(user.record(&id).await?.context("no record")?, after, "{older}");
    }
    Ok(())
}

#[tokio::test]
async fn an_event_of_an_older_version_is_ignored() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, _) = developed(&user).await?;
    user.change_record(&id, "SET version = :two", json!({":two": 2})).await?;
    let before = user.record(&id).await?;
    let key = user.key(&id);
    stack.invoke("WorkersThumbnail", &events::uploaded([(key.as_str(), "FFFF")])?).await?.ok()?;
    assert_eq!(user.record(&id).await?, before);
    Ok(())
}

#[tokio::test]
async fn an_image_deleted_while_it_is_developed_stays_gone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    // Large, so that processing takes a while.
    let image = user.upload_and_develop("image/png", pictures::png(8000, 5500)?).await?;
    let id = id_of(&image)?;
    rewind(&user, id).await?;
    let key = user.key(id);
    let event = events::uploaded([(key.as_str(), "FFFF")])?;
    let develop = async { stack.invoke("WorkersThumbnail", &event).await?.ok() };
    let delete = async {
        until("the worker to begin", async || {
            let record = user.record(id).await?.context("no record")?;
            anyhow::ensure!(record["status"] != "ready", "the worker was done before the image was deleted");
            Ok((record["status"] == "processing").then_some(()))
        })
        .await?;
        user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)
    };
    tokio::try_join!(develop, delete)?;
    // When the quota is refunded, the stream's worker has run too.
    user.usage_becomes(0, 0).await?;
    user.objects_vanish(id).await?;
    assert_eq!(user.record(id).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_object_without_a_record_is_removed_once_nobody_can_put_the_record_back() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // Without a profile, the user would be a deleted one.
    user.create("image/png", 10).await?;
    let id = "01JZ0000000000000000000000";
    let key = user.key(id);
    stack.aws.put_object(&stack.outputs.uploads_bucket, &key, pictures::png(64, 64)?).await?;
    // The record may have expired, and `workers-stream` may still put it back. An operator may send even an old record
    // to `workers-stream` again, so the age of the message does not matter.
    let message = events::given_up(&events::uploaded([(key.as_str(), "FFFF")])?).to_string();
    let mut event = events::messages([("m", message)]);
    event["Records"][0]["attributes"]["ApproximateFirstReceiveTimestamp"] = json!("1");
    let answer = stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    assert_eq!(user.objects(id).await?.0, [key]);
    user.mark_as_cleaned_up(id).await?;
    let answer = stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    user.objects_vanish(id).await?;
    assert_eq!(user.record(id).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_upload_that_arrives_after_its_image_was_deleted_is_removed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
    user.usage_becomes(0, 0).await?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.objects_vanish(created.id()).await
}

#[tokio::test]
async fn events_that_are_not_about_our_uploads_have_no_effect() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let test =
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": stack.outputs.uploads_bucket});
    stack.invoke("WorkersThumbnail", &test).await?.ok()?;
    let missing = user.key("01JZ0000000000000000000000");
    for key in ["x", "a/b/c", "%FF", "..%2F..%2F1", "x/01JZ0000000000000000000000/0", missing.as_str()] {
        stack.invoke("WorkersThumbnail", &events::uploaded([(key, "FFFF")])?).await?.ok()?;
    }
    assert_eq!(user.usage().await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn one_bad_record_of_several_does_not_hold_up_the_others() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let contents = [
        pictures::png(64, 64)?,
        b"<html>".to_vec(),
        pictures::png(64, 64)?[..40].to_vec(),
        pictures::jpeg(64, 64)?,
    ];
    let images = try_join_all(contents.map(|bytes| user.upload_and_develop("image/png", bytes))).await?;
    let ids: Vec<_> = images.iter().map(id_of).collect::<Result<_>>()?;
    try_join_all(ids.iter().map(|id| rewind(&user, id))).await?;
    let keys: Vec<_> = ids.iter().map(|id| user.key(id)).collect();
    let event = events::uploaded(keys.iter().map(|key| (key.as_str(), "FFFF")))?;
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;

    let mut ends = Vec::new();
    for id in ids {
        let image = user.image(id).await?;
        ends.push((image["status"].clone(), image["failure"]["code"].clone()));
    }
    let ready = (json!("ready"), Value::Null);
    let failed = |code: &str| (json!("failed"), json!(code));
    assert_eq!(ends, [ready.clone(), failed("not-an-image"), failed("corrupt-image"), ready]);
    Ok(())
}

#[tokio::test]
async fn a_retry_finishes_what_a_crashed_worker_began() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (id, _) = developed(&user).await?;
    // As if a worker had died between storing the thumbnails and recording them.
    let update = "SET #status = :processing, lease = :lease REMOVE picture";
    let values = json!({":processing": "processing", ":lease": {"owner": "dead", "until": 1}});
    user.change_record(&id, update, values).await?;
    let crashed = user.record(&id).await?.context("no record")?;
    assert_eq!(user.objects(&id).await?.1.len(), 3);

    let key = user.key(&id);
    let sequencer = crashed["sequencer"].as_str().unwrap();
    let event = events::uploaded([(key.as_str(), sequencer)])?;
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    let image = user.image(&id).await?;
    assert_eq!(image["status"], "ready", "{image}");
    for (size, height) in [(200, 150), (400, 300), (640, 480)] {
        let asked = if size == 640 { 1200 } else { size };
        pictures::check_quadrants(&user.thumbnail(&image, asked).await?.bytes, size, height)?;
    }
    // The same event again changes nothing.
    let after = user.record(&id).await?;
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(user.record(&id).await?, after);
    Ok(())
}

#[tokio::test]
async fn while_another_worker_lives_a_second_one_comes_back_later() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, _) = developed(&user).await?;
    let update = "SET #status = :processing, lease = :lease";
    let until = jiff::Timestamp::now().as_second() + 4;
    let values = json!({":processing": "processing", ":lease": {"owner": "alive", "until": until}});
    user.change_record(&id, update, values).await?;
    let before = user.record(&id).await?.context("no record")?;
    let key = user.key(&id);
    let event = events::uploaded([(key.as_str(), before["sequencer"].as_str().unwrap())])?;
    // No error: to wait is nothing that an operator must know.
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(user.record(&id).await?, Some(before));
    // When the lease has expired, the upload comes back from the queue.
    assert_eq!(user.developed(&id).await?["status"], "ready");
    Ok(())
}

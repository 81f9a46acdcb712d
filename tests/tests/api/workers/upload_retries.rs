//! The queue `UploadRetries`, workers that die, `workers-find-uploads`, and uploads that nobody developed before their
//! deadline

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User, events, id_of, pictures, until};

use super::thumbnail::{developed, rewind};

/// The message in `UploadRetries` about an upload.
fn message(user: &User, id: &str, sequencer: &str) -> Result<Value> {
    Ok(events::given_up(&events::uploaded([(user.key(id).as_str(), sequencer)])?))
}

/// The event of a message that Lambda gives to the worker.
fn delivery(message: &Value) -> Value {
    events::messages([("m", message.to_string())])
}

/// The image stays with a worker that has died.
async fn die(user: &User, id: &str, crashes: u32) -> Result<()> {
    let update = "SET #status = :processing, lease = :lease, crashes = :crashes";
    let lease = json!({"owner": "dead", "until": 1});
    let values = json!({":processing": "processing", ":lease": lease, ":crashes": crashes});
    user.change_record(id, update, values).await
}

/// The millisecond in which the image was created, and the next one.
fn created(id: &str) -> Result<(String, String)> {
    // The first ten characters of an id are the time in Crockford's base 32.
    const DIGITS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut millis = 0;
    for digit in id.chars().take(10) {
        millis = millis * 32 + i64::try_from(DIGITS.find(digit).context("not an id")?)?;
    }
    let time = |millis: i64| anyhow::Ok(jiff::Timestamp::from_millisecond(millis)?.to_string());
    Ok((time(millis)?, time(millis + 1)?))
}

/// Lets `workers-find-uploads` look at the images that were created in the millisecond of this one.
async fn find_uploads(user: &User, id: &str) -> Result<Value> {
    let (from, to) = created(id)?;
    user.stack.invoke("WorkersFindUploads", &json!({"from": from, "to": to})).await?.ok()
}

#[tokio::test]
async fn an_upload_in_the_queue_is_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, before) = developed(&user).await?;
    rewind(&user, &id).await?;
    let queue = stack.resource("UploadRetries").await?;
    stack.aws.send_message(&queue, &message(&user, &id, "A1")?).await?;
    assert_eq!(user.developed(&id).await?["status"], "ready");
    let after = user.record(&id).await?.context("no record")?;
    assert_eq!(after["picture"], before["picture"]);
    assert_eq!(user.objects(&id).await?.1.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_message_does_not_undo_a_later_success() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, record) = developed(&user).await?;
    let image = user.image(&id).await?;
    for sequencer in ["0", record["sequencer"].as_str().context("no sequencer")?] {
        let event = delivery(&message(&user, &id, sequencer)?);
        let answer = stack.invoke("WorkersThumbnail", &event).await?.ok()?;
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(user.image(&id).await?, image);
    }
    Ok(())
}

#[tokio::test]
async fn only_the_invalid_message_is_retried() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let ((first, _), (last, _)) = tokio::try_join!(developed(&user), developed(&user))?;
    tokio::try_join!(rewind(&user, &first), rewind(&user, &last))?;
    let batch = events::messages([
        ("first", message(&user, &first, "A1")?.to_string()),
        ("poison", "not JSON".to_owned()),
        ("last", message(&user, &last, "A1")?.to_string()),
    ]);
    let answer = stack.invoke("WorkersThumbnail", &batch).await?.ok()?;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "poison"}]}));
    for id in [first, last] {
        assert_eq!(user.image(&id).await?["status"], "ready");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_waits_while_another_worker_holds_the_claim() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, record) = developed(&user).await?;
    let lease = json!({"owner": "alive", "until": 99_999_999_999_u64});
    let update = "SET #status = :processing, lease = :lease";
    user.change_record(&id, update, json!({":processing": "processing", ":lease": lease})).await?;
    let before = user.record(&id).await?;
    let event = delivery(&message(&user, &id, record["sequencer"].as_str().context("no sequencer")?)?);
    let answer = stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m"}]}));
    assert_eq!(user.record(&id).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_file_is_developed_although_two_workers_have_died_with_it() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, before) = developed(&user).await?;
    die(&user, &id, 1).await?;
    let event = delivery(&message(&user, &id, before["sequencer"].as_str().context("no sequencer")?)?);
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    let after = user.record(&id).await?.context("no record")?;
    assert_eq!((&after["status"], &after["crashes"]), (&json!("ready"), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn a_file_with_which_three_workers_have_died_is_given_up() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, before) = developed(&user).await?;
    // A first version keeps its file and its share of the quota, so that the owner can look at it and delete it.
    let usage = user.usage().await?;
    die(&user, &id, 2).await?;
    user.change_record(&id, "REMOVE picture", json!({})).await?;
    let event = delivery(&message(&user, &id, before["sequencer"].as_str().context("no sequencer")?)?);
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    let image = user.image(&id).await?;
    let told = (&image["status"], &image["failure"]["code"]);
    assert_eq!(told, (&json!("failed"), &json!("processing-failed")), "{image}");
    assert_eq!(user.record(&id).await?.context("no record")?["crashes"], Value::Null);
    assert_eq!(user.usage().await?, usage);
    Ok(())
}

#[tokio::test]
async fn a_replacement_that_is_given_up_leaves_neither_file_nor_usage() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let (usage, objects) = (user.usage().await?, user.objects(id).await?);
    let replacement = user.replace(id, "image/png", 10).await?;
    stack.put(&replacement.upload, vec![0; 10]).await?.expect(200)?;
    // The file is no picture. As if its workers had died instead, with the file still there.
    user.developed(id).await?;
    let profile = json!({":bytes": usage.1 + 10});
    user.change_profile("SET bytes = :bytes", profile).await?;
    let key = format!("{}/{id}/2", user.id);
    die(&user, id, 2).await?;
    user.change_record(id, "SET sequencer = :one REMOVE failure", json!({":one": "1".repeat(64)})).await?;
    stack.aws.put_object(&stack.outputs.uploads_bucket, &key, vec![0; 10]).await?;
    let sequencer = "1".repeat(64);
    let event = events::uploaded([(key.as_str(), sequencer.as_str())])?;
    stack.invoke("WorkersThumbnail", &delivery(&events::given_up(&event))).await?.ok()?;
    let image = user.developed(id).await?;
    assert_eq!(image["failure"]["code"], "processing-failed", "{image}");
    user.usage_becomes(usage.0, usage.1).await?;
    until("the file of the replacement to be deleted", async || {
        Ok((user.objects(id).await? == objects).then_some(()))
    })
    .await
}

#[tokio::test]
async fn an_upload_whose_event_was_lost_is_found_and_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, before) = developed(&user).await?;
    rewind(&user, &id).await?;
    let found = find_uploads(&user, &id).await?;
    assert!(found["sent"].as_u64() >= Some(1) && found["failed"] == 0, "{found}");
    assert_eq!(user.developed(&id).await?["status"], "ready");
    assert_eq!(user.record(&id).await?.context("no record")?["picture"], before["picture"]);
    Ok(())
}

#[tokio::test]
async fn an_upload_whose_worker_died_and_whose_message_was_lost_is_found_and_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, _) = developed(&user).await?;
    die(&user, &id, 0).await?;
    find_uploads(&user, &id).await?;
    assert_eq!(user.developed(&id).await?["status"], "ready");
    Ok(())
}

#[tokio::test]
async fn a_search_leaves_alone_what_did_not_arrive_or_is_being_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let pending = user.create("image/png", 10).await?;
    let (id, _) = developed(&user).await?;
    let lease = json!({"owner": "alive", "until": 99_999_999_999_u64});
    let update = "SET #status = :processing, lease = :lease";
    user.change_record(&id, update, json!({":processing": "processing", ":lease": lease})).await?;
    for id in [pending.id(), &id] {
        let before = user.record(id).await?;
        let found = find_uploads(&user, id).await?;
        assert_eq!((&found["sent"], &found["failed"]), (&json!(0), &json!(0)), "{found}");
        assert_eq!(user.record(id).await?, before);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: on AWS an expired item may stay for days"]
async fn an_expired_image_whose_upload_has_arrived_is_put_back_and_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
    let id = id_of(&created["image"])?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    user.developed(id).await?;
    rewind(&user, id).await?;
    let usage = user.usage().await?;
    user.change_record(id, "SET expires_at = :past", json!({":past": 1})).await?;
    user.get(&format!("/api/images/{id}")).await?.problem(404, "not-found")?;
    until("the image to come back", async || {
        let status = user.get(&format!("/api/images/{id}/status")).await?;
        Ok((status.status == 200 && status.json(200)?["status"] == "ready").then_some(()))
    })
    .await?;
    assert_eq!(user.image(id).await?["set"]["id"], json!(set));
    assert_eq!(user.usage().await?, usage);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: on AWS an expired item may stay for days"]
async fn an_expired_image_that_was_never_uploaded_stays_gone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    user.change_record(created.id(), "SET expires_at = :past", json!({":past": 1})).await?;
    user.usage_becomes(0, 0).await?;
    assert_eq!(user.record(created.id()).await?, None);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: on AWS an expired item may stay for days"]
async fn an_expired_replacement_whose_upload_has_arrived_is_developed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let first = user.record(id).await?.context("no record")?["picture"].take();
    let picture = pictures::png(32, 32)?;
    let replacement = user.replace(id, "image/png", picture.len()).await?;
    stack.put(&replacement.upload, picture).await?.expect(200)?;
    let done = user.developed(id).await?;
    assert_eq!((&done["version"], &done["status"]), (&json!(2), &json!("ready")));
    // As if nobody had developed the replacement, and the deadline were over.
    let usage = user.usage().await?;
    let bytes = first["size"].as_u64().context("no size")?;
    user.change_profile("SET bytes = :bytes", json!({":bytes": usage.1 + bytes})).await?;
    let update = "SET #status = :pending, picture = :first, replace_by = :past REMOVE sequencer, lease";
    user.change_record(id, update, json!({":pending": "pending", ":first": first, ":past": 1})).await?;
    let timer = (format!("USER#{}", user.id), format!("REPLACEMENT#{id}"));
    let update = ("SET expires_at = :past", json!({":past": 1}));
    stack.aws.update_item(&stack.outputs.table, (&timer.0, &timer.1), update.0, &update.1).await?;
    until("the replacement to be developed", async || {
        let record = user.record(id).await?.context("no record")?;
        Ok((record["status"] == "ready" && record["picture"]["version"] == 2).then_some(()))
    })
    .await?;
    assert_eq!(user.usage().await?, usage);
    Ok(())
}

#[tokio::test]
async fn a_late_event_does_not_put_an_expired_image_back_into_a_slot_that_is_filled_again() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
    let old = id_of(&created["image"])?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    user.developed(old).await?;
    rewind(&user, old).await?;
    user.change_record(old, "SET expires_at = :past", json!({":past": 1})).await?;
    let new = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let new = id_of(&new["image"])?;
    // If DynamoDB has deleted the item meanwhile, the upload has the same end.
    let event = events::uploaded([(user.key(old).as_str(), "FFFF")])?;
    stack.invoke("WorkersThumbnail", &event).await?.ok()?;
    until("the upload to be developed", async || {
        let status = user.get(&format!("/api/images/{old}/status")).await?;
        Ok((status.status == 200 && status.json(200)?["status"] == "ready").then_some(()))
    })
    .await?;
    assert_eq!(user.image(old).await?["set"], Value::Null);
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert!(shown.to_string().contains(new) && !shown.to_string().contains(old), "{shown}");
    Ok(())
}

//! The functions behind the API

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, events, id_of, pictures, unique};

use crate::{needs_all_it_may, ready};

/// An id that no image has.
const NOBODYS: &str = "01JZ0000000000000000000000";

/// Puts an object at the key of an image's first version into both buckets.
async fn put_orphans(stack: &Stack, key: &str) -> Result<()> {
    stack.aws.put_object(&stack.outputs.derived_bucket, &format!("{key}/200.png"), vec![0]).await?;
    stack.aws.put_object(&stack.outputs.uploads_bucket, key, pictures::png(64, 64)?).await
}

/// What failed of a batch of a stream or a queue: nothing.
fn took_all(answer: &Value) -> Result<()> {
    ensure!(answer["batchItemFailures"] == json!([]), "{answer}");
    Ok(())
}

#[tokio::test]
async fn workers_thumbnail() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let key = user.key(NOBODYS);
    let event = events::uploaded([(key.as_str(), "FFFF")])?;
    needs_all_it_may(&stack, "WorkersThumbnail", async || {
        // What has no record is removed. S3's own event may come first, with the same rights.
        put_orphans(&stack, &key).await?;
        stack.invoke("WorkersThumbnail", &event).await?.ok()?;
        // What cannot be developed for a fault on our side is retried, given up, and told to its owner.
        ready(&user).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn workers_failed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WorkersFailed", async || {
        let created = user.create("image/png", 10).await?;
        let upload = events::uploaded([(user.key(created.id()).as_str(), "A1")])?;
        let given_up = events::given_up(&upload).to_string();
        let event = json!({"Records": [{"messageId": "m", "body": given_up, "eventSource": "aws:sqs"}]});
        took_all(&stack.invoke("WorkersFailed", &event).await?.ok()?)?;
        ensure!(user.image(created.id()).await?["status"] == "failed");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_reclaim() -> Result<()> {
    let stack = Stack::connect()?;
    needs_all_it_may(&stack, "WorkersReclaim", async || {
        let user = stack.user().await?;
        // An image in a slot, with objects in both buckets; a set with an image left over; a replacement that
        // never came. The stream's own events come only for what is really removed.
        let (set, other) = (user.create_set().await?, user.create_set().await?);
        let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
        let id = id_of(&created["image"])?;
        put_orphans(&stack, &user.key(id)).await?;
        user.fill(&other, "image1", "image/png", 10).await?.expect(201)?;
        let replaced = ready(&user).await?;
        user.replace(&replaced, "image/png", 10).await?;
        for event in [
            events::replacement_lapsed(&user, &replaced).await?,
            events::set_removed(&user, &other).await?,
            events::expired(&user, id).await?,
        ] {
            took_all(&stack.invoke("WorkersReclaim", &event).await?.ok()?)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_sizes() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WorkersSizes", async || {
        let id = ready(&user).await?;
        let order = |size: u32| json!({"original": user.key(&id), "sizes": [size]});
        let answer = stack.invoke("WorkersSizes", &order(16)).await?.ok()?;
        ensure!(answer["thumbnails"][0]["size"] == 16, "{answer}");
        // Replaced meanwhile: what was made is removed.
        user.change_record(&id, "SET picture.version = :other", json!({":other": 9})).await?;
        stack.invoke("WorkersSizes", &order(32)).await?.ok().map(drop)
    })
    .await
}

#[tokio::test]
async fn workers_tiers() -> Result<()> {
    let stack = Stack::connect()?;
    let mut event: Value = serde_json::from_str(include_str!("../../../events/workers-tiers.json"))?;
    let tier = unique("tier");
    event["Records"][0]["dynamodb"]["NewImage"]["id"] = json!({"S": tier});
    needs_all_it_may(&stack, "WorkersTiers", async || {
        let user = stack.user_in(Tier::BASIC).await?;
        user.change_profile("SET tier = :tier", json!({":tier": tier})).await?;
        took_all(&stack.invoke("WorkersTiers", &event).await?.ok()?)?;
        let limits = user.item("PROFILE").await?.context("no profile")?["limits"].take();
        ensure!(limits["name"] == "Sample", "{limits}");
        Ok(())
    })
    .await
}

//! Uploads while S3, DynamoDB or Lambda's concurrency is away: every upload that reached S3 is developed afterwards,
//! without anybody's hand

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, User, pictures, until};

#[cfg(target_os = "linux")]
use crate::killed::{in_a_hurry, kill};
use crate::{
    DYNAMODB, S3, TURN, astray, nobody,
    proxy::{Fault, Proxy},
};

const UPLOADS: usize = 3;

/// The number of messages in the queue of retries, including those that wait for their next attempt.
async fn waiting(stack: &Stack) -> Result<usize> {
    let attributes = stack.aws.queue_attributes(&stack.resource("UploadRetries").await?).await?;
    let mut waiting = 0;
    for name in ["", "Delayed", "NotVisible"] {
        let count = attributes[format!("ApproximateNumberOfMessages{name}")].as_str().context("no number")?;
        waiting += count.parse::<usize>()?;
    }
    Ok(waiting)
}

async fn forget_retries(stack: &Stack) -> Result<()> {
    let purge = json!({"QueueUrl": stack.resource("UploadRetries").await?});
    stack.aws.json("sqs", "AmazonSQS.PurgeQueue", &purge).await.map(drop)
}

/// Runs `work` while a claim ends after seconds if its worker died, and the queue then delivers the message again.
async fn in_a_hurry_to_retry<T>(stack: &Stack, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let (function, queue) =
        tokio::try_join!(stack.resource("WorkersThumbnail"), stack.resource("UploadRetries"))?;
    let timeout = stack.aws.function(&function).await?["Timeout"].take();
    let visibility = stack.aws.queue_attributes(&queue).await?["VisibilityTimeout"].take();
    stack.aws.set_timeout(&function, &json!(15)).await?;
    stack.aws.set_queue_attributes(&queue, &json!({"VisibilityTimeout": "5"})).await?;
    let outcome = work().await;
    stack.aws.set_queue_attributes(&queue, &json!({"VisibilityTimeout": visibility})).await?;
    stack.aws.set_timeout(&function, &timeout).await?;
    outcome
}

async fn upload_some(user: &User) -> Result<Vec<String>> {
    try_join_all((0..UPLOADS).map(async |_| user.upload("image/png", pictures::png(64, 64)?).await)).await
}

/// Waits until images are ready, and checks their pictures and the usage.
async fn all_ready(user: &User, ids: &[String], images: usize) -> Result<()> {
    for id in ids {
        let image = user.developed(id).await?;
        ensure!(image["status"] == "ready", "{image}");
        pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 64, 64)?;
    }
    ensure!(user.usage().await?.0 == u64::try_from(images)?);
    Ok(())
}

#[tokio::test]
async fn uploads_during_an_outage_of_s3_or_dynamodb_are_developed_afterwards() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let nobody = nobody().await?;
    forget_retries(&stack).await?;
    // The emulator ends the instances of a function when its variables change.
    in_a_hurry_to_retry(&stack, async || outages(&stack, &user, &nobody).await).await?;
    until("the queue to be empty", async || Ok((waiting(&stack).await? == 0).then_some(()))).await
}

async fn outages(stack: &Stack, user: &User, nobody: &str) -> Result<()> {
    for (round, service) in [S3, DYNAMODB].into_iter().enumerate() {
        let ids = astray(stack, "WorkersThumbnail", (service, nobody), async || {
            let ids = upload_some(user).await?;
            // All of Lambda's own attempts fail.
            until("the uploads to wait in the queue", async || {
                Ok((waiting(stack).await? >= UPLOADS).then_some(()))
            })
            .await?;
            for id in &ids {
                let image = user.image(id).await?;
                ensure!(matches!(image["status"].as_str(), Some("pending" | "processing")), "{image}");
            }
            Ok(ids)
        })
        .await?;
        all_ready(user, &ids, (round + 1) * UPLOADS).await?;
    }
    Ok(())
}

#[tokio::test]
async fn uploads_without_concurrency_whose_events_are_lost_are_found_and_developed() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let function = stack.resource("WorkersThumbnail").await?;
    stack.aws.set_concurrency(&function, Some(0)).await?;
    let ids = upload_some(&user).await;
    // The emulator's attempts at an event end after some seconds. Then nobody knows of the uploads.
    tokio::time::sleep(Duration::from_secs(8)).await;
    stack.aws.set_concurrency(&function, None).await?;
    forget_retries(&stack).await?;
    let ids = ids?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for id in &ids {
        ensure!(user.image(id).await?["status"] == "pending", "the event was not lost");
    }
    // The schedule runs an hour later.
    let created = user.image(&ids[0]).await?["created_at"].as_str().context("no time")?.to_owned();
    let created: jiff::Timestamp = created.parse()?;
    let mut event: Value = serde_json::from_str(include_str!("../../../events/workers-find-uploads.json"))?;
    event["time"] = json!(jiff::Timestamp::from_second(created.as_second() + 3600 + 300)?.to_string());
    let found = stack.invoke("WorkersFindUploads", &event).await?.ok()?;
    ensure!(found["sent"].as_u64() >= Some(3), "{found}");
    all_ready(&user, &ids, UPLOADS).await
}

#[tokio::test]
async fn a_claim_whose_response_was_lost_is_recognised_and_not_waited_for() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "UpdateItem", Fault::Lost, 1).await?;
    astray(&stack, "WorkersThumbnail", (DYNAMODB, &proxy.address), async || {
        let start = Instant::now();
        let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
        ensure!(image["status"] == "ready", "{image}");
        // A worker that met a stranger's claim would wait until it expires, which takes a minute.
        ensure!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        // The claim twice, and the result.
        ensure!(proxy.calls() == 3, "{} calls", proxy.calls());
        Ok(())
    })
    .await
}

/// A worker that is killed each time while it reads the original: the file may be the cause.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_kills_its_workers_is_given_up_after_three() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "GET", Fault::Silence, usize::MAX).await?;
    in_a_hurry(&stack, ("WorkersThumbnail", "UploadRetries"), async || {
        astray(&stack, "WorkersThumbnail", (S3, &proxy.address), async || {
            let id = user.upload("image/png", pictures::png(64, 64)?).await?;
            for crash in 1..=3 {
                until("a worker to read the file", async || Ok((proxy.calls() >= crash).then_some(())))
                    .await?;
                kill(&stack, "WorkersThumbnail").await?;
            }
            let image = user.developed(&id).await?;
            let told = (&image["status"], &image["failure"]["code"]);
            ensure!(told == (&json!("failed"), &json!("processing-failed")), "{image}");
            ensure!(proxy.calls() == 3, "{} workers", proxy.calls());
            Ok(())
        })
        .await
    })
    .await
}

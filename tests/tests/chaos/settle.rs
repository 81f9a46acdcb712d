//! Waits until nothing is on its way any more.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tests::{Stack, User};
use tokio::time::sleep;

use crate::setup::Setup;

const PAUSE: Duration = Duration::from_secs(2);
const PROGRESS: Duration = Duration::from_secs(10);
/// How often `workers-find-uploads` runs while something is unfinished.
const SEARCH_PAUSE: Duration = Duration::from_secs(15);

/// The number of messages in each queue.
pub(crate) async fn messages(stack: &Stack, setup: &Setup) -> Result<Vec<(String, u64)>> {
    let counts = setup.queues().map(async |url| {
        let attributes = stack.aws.queue_attributes(url).await?;
        let count =
            |name: &str| attributes[name].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let all = count("ApproximateNumberOfMessages")
            + count("ApproximateNumberOfMessagesNotVisible")
            + count("ApproximateNumberOfMessagesDelayed");
        anyhow::Ok((url.clone(), all))
    });
    stream::iter(counts.collect::<Vec<_>>()).buffered(4).try_collect().await
}

/// How many messages there are now in addition to those that were there before. Dead letters do not count.
fn added(before: &BTreeMap<String, u64>, now: &[(String, u64)]) -> u64 {
    let queues = now.iter().filter(|(url, _)| !url.contains("DeadLetters"));
    queues.map(|(url, count)| count.saturating_sub(before.get(url).copied().unwrap_or(0))).sum()
}

/// Waits until all queues, streams and jobs are empty, at most until `deadline`. Returns whether they are. Messages
/// that were there `before` belong to other tests.
pub(crate) async fn settle(
    stack: &Stack,
    setup: &Setup,
    users: &[&User],
    before: &BTreeMap<String, u64>,
    deadline: Duration,
) -> Result<bool> {
    let start = Instant::now();
    let (mut quiet, mut shown, mut found) = (0, Instant::now(), None::<Instant>);
    while start.elapsed() < deadline {
        sleep(PAUSE).await;
        let deliveries = setup.deliveries().await?;
        let queued = added(before, &messages(stack, setup).await?);
        let is_delivered = deliveries["waiting"] == 0 && deliveries["behind"] == 0;
        quiet = if is_delivered && queued == 0 { quiet + 1 } else { 0 };
        if shown.elapsed() > PROGRESS {
            shown = Instant::now();
            println!(
                "  {:3.0} s: {} events wait, {} stream records, {queued} messages",
                start.elapsed().as_secs_f64(),
                deliveries["waiting"],
                deliveries["behind"],
            );
        }
        if setup.has("WorkersFindUploads")
            && is_delivered
            && found.is_none_or(|at| at.elapsed() > SEARCH_PAUSE)
        {
            // What it finds goes to a queue.
            quiet = 0;
            find_uploads(stack).await?;
            found = Some(Instant::now());
        }
        if quiet < 2 {
            continue;
        }
        let unfinished = unfinished(stack, users).await?;
        if unfinished == 0 {
            return Ok(true);
        }
        println!("  {:3.0} s: {unfinished} images or jobs are unfinished", start.elapsed().as_secs_f64());
        sleep(PAUSE).await;
    }
    Ok(false)
}

/// Removes the markers of deleted images that may have got a late file, as DynamoDB does after 15 days.
pub(crate) async fn expire_markers(stack: &Stack, users: &[&User]) -> Result<()> {
    for user in users {
        let pk = format!("USER#{}", user.id);
        for item in stack.aws.partition(&stack.outputs.table, &pk).await? {
            if let (Some(sk), true) = (item["sk"].as_str(), item["late_file"] == true) {
                stack.aws.delete_item(&stack.outputs.table, &pk, sk).await?;
            }
        }
    }
    Ok(())
}

/// Runs the scheduled search now, for all images.
async fn find_uploads(stack: &Stack) -> Result<()> {
    let all = json!({"from": "2020-01-01T00:00:00Z", "to": "2200-01-01T00:00:00Z"});
    let answer = stack.invoke("WorkersFindUploads", &all).await?;
    if answer.failed {
        println!("  the search failed: {}", answer.payload);
    }
    Ok(())
}

/// How many jobs exist, and how many images are processing.
async fn unfinished(stack: &Stack, users: &[&User]) -> Result<usize> {
    let counts = users.iter().map(async |user| {
        let items = stack.aws.partition(&stack.outputs.table, &format!("USER#{}", user.id)).await?;
        let is_unfinished = |item: &&Value| {
            item["sk"].as_str().is_some_and(|sk| sk.starts_with("JOB#")) || item["status"] == "processing"
        };
        anyhow::Ok(items.iter().filter(is_unfinished).count())
    });
    let counts: Vec<usize> = stream::iter(counts.collect::<Vec<_>>()).buffered(4).try_collect().await?;
    Ok(counts.into_iter().sum())
}

//! Tests with very many simultaneous requests. This is a separate binary, so that no other test of
//! the same stack has to wait.
//!
//! Variables set how many: `DARKROOM_UPLOADS`, `DARKROOM_RENDITIONS`, `DARKROOM_THUMBNAILS` and `DARKROOM_EVENTS`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Receiver, Stack, Tier, User, events, id_of, number, pictures, send};
use tokio::sync::Mutex;

/// Two cores are busy with one of these tests.
static TURN: Mutex<()> = Mutex::const_new(());

/// Whether the image was created. On a 429, it retries with the same key, as clients should.
async fn takes_a_place(user: &User, key: usize, body: &Value) -> Result<bool> {
    for _attempt in 0..20 {
        // Not with `User::post_once`: the 429 of API Gateway itself is not in the contract.
        let url = format!("{}/api/images", user.stack.outputs.api_url);
        let request = user.stack.request_url(Method::POST, &url).bearer_auth(&user.tokens.access_token);
        let answer = send(request.header("idempotency-key", format!("request-{key}")).json(body)).await?;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        match answer.status.as_u16() {
            201 => return Ok(true),
            503 => {}
            _ => return answer.problem(409, "quota-exceeded").map(|_| false),
        }
    }
    bail!("request {key} was put off again and again")
}

/// `shared/store/tests/quota.rs` tests the table with a thousand simultaneous writes. Here, a laptop limits the number
/// of functions that run at the same time.
#[tokio::test]
async fn parallel_uploads_never_exceed_the_quota() -> Result<()> {
    const AT_ONCE: usize = 50;
    let requests = number("DARKROOM_UPLOADS", 300)?;
    let places = requests / 2;
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let tier = Tier::BASIC.with("max_images", places).with("max_pending_uploads", requests);
    let user = stack.user_in(tier).await?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1000});
    let outcomes = stream::iter((0..requests).map(|key| takes_a_place(&user, key, &body)));
    let outcomes: Vec<bool> = outcomes.buffer_unordered(AT_ONCE).try_collect().await?;
    assert_eq!(outcomes.into_iter().filter(|made| *made).count(), places);
    assert_eq!(user.usage().await?, (places as u64, places as u64 * 1000));
    Ok(())
}

/// Gets the address of a thumbnail or a rendition. It retries as clients should, and returns how often it was put off.
async fn gets_the_thumbnail(user: &User, path: &str) -> Result<usize> {
    for attempt in 0..20 {
        let response = user.request(Method::GET, path).send().await?;
        let status = response.status();
        if status == StatusCode::FOUND {
            return Ok(attempt);
        }
        if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            bail!("{status}: {}", response.text().await?);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    bail!("a request was put off again and again")
}

/// Sends this many requests, and returns how often each sequence of calls to AWS occurred in an invocation of `function`.
async fn at_once(
    user: &User,
    (function, path): (&str, &str),
    requests: usize,
) -> Result<BTreeMap<String, usize>> {
    // A laptop cannot run more functions at the same time.
    const AT_ONCE: usize = 50;
    let start = Instant::now();
    let ask = async || {
        let answers = stream::iter((0..requests).map(|_| gets_the_thumbnail(user, path)));
        answers.buffer_unordered(AT_ONCE).try_collect::<Vec<usize>>().await
    };
    let (answers, calls) = if user.stack.outputs.is_remote {
        // There is no way to see the calls of a deployed function.
        (ask().await?, Vec::new())
    } else {
        let (answers, calls) = user.stack.calls_of(function, ask).await?;
        // A datagram can be lost.
        ensure!(calls.len() * 10 >= requests * 9, "only the calls of {} invocations were seen", calls.len());
        (answers, calls)
    };
    let put_off = answers.iter().filter(|attempts| **attempts > 0).count();
    let longest = answers.iter().max().copied().unwrap_or_default();
    let mut counts = BTreeMap::<String, usize>::new();
    for calls in calls {
        *counts.entry(calls.join(" ")).or_default() += 1;
    }
    println!(
        "{requests} requests in {:?}, {put_off} of them put off, at most {longest} times: {counts:#?}",
        start.elapsed()
    );
    Ok(counts)
}

/// Requires that each invocation made one of these sequences of calls, and that one at most invoked the worker.
fn made_only(counts: &BTreeMap<String, usize>, allowed: &[&str], invoked: &str) -> Result<()> {
    for (calls, count) in counts {
        ensure!(
            allowed.contains(&calls.as_str()) || (calls == invoked && *count == 1),
            "{calls}: {counts:#?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn of_many_requests_for_a_rendition_that_does_not_exist_one_has_it_made() -> Result<()> {
    let requests = number("DARKROOM_RENDITIONS", 500)?;
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(6000, 4000)?).await?;
    let id = id_of(&image)?;
    let path = format!("/api/images/{id}/rendition?width=900&height=900&fit=cover&format=webp");
    let counts = at_once(&user, ("ImagesRendition", &path), requests).await?;
    let record = user.record(id).await?.unwrap_or_default();
    assert_eq!(record["picture"]["renditions"], 1);
    // One of `workers-thumbnail`, and one of `workers-render`.
    assert_eq!(stack.invocations_about("WorkersLogs", id).await?, 2);
    let allowed = [
        "BatchGetItem",
        "BatchGetItem GetItem",
        // Another request claims it after this one has read that it does not exist.
        "BatchGetItem TransactWriteItems",
        "BatchGetItem TransactWriteItems GetItem",
    ];
    made_only(&counts, &allowed, "BatchGetItem TransactWriteItems Invoke")
}

#[tokio::test]
async fn of_many_requests_for_a_size_that_is_missing_one_has_it_developed() -> Result<()> {
    let requests = number("DARKROOM_THUMBNAILS", 200)?;
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(6000, 4000)?).await?;
    let id = id_of(&image)?;
    user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, 400, 1200]})).await?;
    let path = format!("/api/images/{id}/thumbnail?size=1200");
    let counts = at_once(&user, ("ImagesThumbnail", &path), requests).await?;
    let image = user.image(id).await?;
    let thumbnails = image["thumbnails"].as_array().into_iter().flatten();
    assert_eq!(thumbnails.map(|thumbnail| thumbnail["size"].clone()).collect::<Vec<_>>(), [200, 400, 1200]);
    // One of `workers-thumbnail`, and one of `workers-render`.
    assert_eq!(stack.invocations_about("WorkersLogs", id).await?, 2);
    // The first two calls are made at the same time.
    let allowed = [
        "GetItem GetItem",
        "GetItem GetItem GetItem",
        "GetItem GetItem UpdateItem",
        "GetItem GetItem UpdateItem GetItem",
    ];
    made_only(&counts, &allowed, "GetItem GetItem UpdateItem Invoke")
}

/// Each record of the stream comes twice, and the first attempts for a hundred events fail.
#[tokio::test]
async fn many_events_are_each_recorded_once_and_delivered() -> Result<()> {
    const BATCH: usize = 50;
    let count = number("DARKROOM_EVENTS", 300)?;
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let receiver = Receiver::refusing_first(100).await?;
    user.post("/api/webhooks", &json!({"url": receiver.url})).await?.expect(201)?;
    let records = (0..count).map(|place| {
        let event = events::image_created(&user, "01JZ0000000000000000000000", u32::try_from(place)?)?;
        Ok(event["Records"][0].clone())
    });
    let records: Vec<Value> = records.collect::<Result<_>>()?;
    let batches: Vec<Value> = records.chunks(BATCH).map(|some| json!({"Records": some})).collect();
    for batch in batches.iter().chain(&batches) {
        // Lambda repeats a batch whose time was over.
        let mut attempts = 0..5;
        loop {
            let answer = stack.invoke("WorkersEvents", batch).await?.ok()?;
            if answer == json!({"batchItemFailures": []}) {
                break;
            }
            ensure!(attempts.next().is_some(), "{answer}");
        }
    }
    let partition = format!("USER#{}", user.id);
    // Also beside other tests, two slow cores make a delivery in less than a second.
    let (start, most) = (Instant::now(), Duration::from_secs(u64::try_from(count)?.max(300)));
    let deliveries = loop {
        let items = stack.aws.partition(&stack.outputs.table, &partition).await?;
        let is_delivery = |item: &&Value| item["sk"].as_str().is_some_and(|sk| sk.starts_with("DELIVERY#"));
        let deliveries: Vec<Value> = items.iter().filter(is_delivery).cloned().collect();
        // It would disable the webhook, and nothing more would be delivered.
        let failed = deliveries.iter().find(|delivery| delivery["status"] == "failed");
        ensure!(failed.is_none(), "a delivery failed: {failed:?}");
        if deliveries.iter().all(|delivery| delivery["status"] == "delivered") {
            break deliveries;
        }
        ensure!(start.elapsed() < most, "not all events were delivered in {most:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    println!("{count} events were delivered {:?} after they had been recorded", start.elapsed());
    let ids: BTreeSet<String> =
        deliveries.iter().map(|delivery| delivery["event"]["id"].to_string()).collect();
    assert_eq!((deliveries.len(), ids.len()), (count, count));
    let received: BTreeSet<String> = receiver
        .received()
        .iter()
        .map(|request| request.header("webhook-id").map(|id| format!("\"{id}\"")))
        .collect::<Result<_>>()?;
    assert_eq!(received, ids);
    Ok(())
}

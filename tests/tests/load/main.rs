//! Tests with very many simultaneous requests. This is a separate binary, so that no other test has to wait.

use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, send};

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
async fn of_a_thousand_uploads_exactly_as_many_succeed_as_there_are_places() -> Result<()> {
    const PLACES: usize = 500;
    const REQUESTS: usize = 1000;
    const AT_ONCE: usize = 50;
    let stack = Stack::connect()?;
    let tier = Tier::BASIC.with("max_images", PLACES).with("max_pending_uploads", REQUESTS);
    let user = stack.user_in(tier).await?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1000});
    let requests = stream::iter((0..REQUESTS).map(|key| takes_a_place(&user, key, &body)));
    let outcomes: Vec<bool> = requests.buffer_unordered(AT_ONCE).try_collect().await?;
    assert_eq!(outcomes.into_iter().filter(|made| *made).count(), PLACES);
    assert_eq!(user.usage().await?, (PLACES as u64, PLACES as u64 * 1000));
    Ok(())
}

/// Gets the address of a thumbnail. It retries as clients should, and returns how often it was put off.
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

#[tokio::test]
async fn of_five_hundred_requests_for_a_size_that_is_missing_one_has_it_developed() -> Result<()> {
    const REQUESTS: usize = 500;
    // A laptop cannot run more functions at the same time.
    const AT_ONCE: usize = 50;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(6000, 4000)?).await?;
    let id = id_of(&image)?;
    user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, 400, 1200]})).await?;
    let path = format!("/api/images/{id}/thumbnail?size=1200");
    let start = std::time::Instant::now();
    let requests = stream::iter((0..REQUESTS).map(|_| gets_the_thumbnail(&user, &path)));
    let answers: Vec<usize> = requests.buffer_unordered(AT_ONCE).try_collect().await?;
    let (put_off, longest) =
        (answers.iter().filter(|attempts| **attempts > 0).count(), answers.iter().max().copied());
    println!(
        "{REQUESTS} requests in {:?}, {put_off} of them put off, {longest:?} times at most",
        start.elapsed()
    );
    let image = user.image(id).await?;
    let thumbnails = image["thumbnails"].as_array().into_iter().flatten();
    assert_eq!(thumbnails.map(|thumbnail| thumbnail["size"].clone()).collect::<Vec<_>>(), [200, 400, 1200]);
    // One of `workers-thumbnail`, and one of `workers-resize`.
    assert_eq!(stack.invocations_about("WorkersLogs", id).await?, 2);
    Ok(())
}

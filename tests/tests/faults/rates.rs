//! Limits of the rate of requests. The local stack has high ones, so these tests lower them.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::json;
use tests::{Answer, Stack, Tier, id_of, pictures, send};

use crate::{TURN, astray};

/// The number of answers that are a 429 `rate-limited`. Requires that each names the seconds to wait.
fn refusals(answers: Vec<Answer>) -> Result<usize> {
    let refused = answers.into_iter().filter(|answer| answer.status == 429);
    refused
        .map(|answer| {
            let seconds: u32 = answer.header("retry-after").parse()?;
            ensure!((1..=5).contains(&seconds), "{seconds}");
            answer.problem(429, "rate-limited").map(drop)
        })
        .try_fold(0, |count, refusal| refusal.map(|()| count + 1))
}

#[tokio::test]
async fn a_user_who_sends_too_many_requests_gets_429_and_others_notice_nothing() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    astray(&stack, "ImagesList", ("USER_RATE", "1"), async || {
        let requests = stream::iter((0..300).map(|_| ann.get("/api/images")));
        // With few at a time, few instances of the function run, as on AWS.
        let ann = requests.buffer_unordered(4).try_collect::<Vec<_>>();
        let bob = async {
            // No more than one bucket holds, because a single instance may answer all of them.
            for _ in 0..5 {
                bob.get("/api/images").await?.expect(200)?;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            Ok(())
        };
        let (answers, ()) = tokio::try_join!(ann, bob)?;
        let refused = refusals(answers)?;
        ensure!(refused > 50, "{refused} of 300 requests were refused");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_address_from_which_too_many_logins_come_gets_429_and_users_with_a_token_notice_nothing()
-> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let wrong = json!({"username": user.username, "password": "Wrong-Pass-1"});
    astray(&stack, "AuthLogin", ("ADDRESS_RATE", "5"), async || {
        let requests = stream::iter((0..100).map(|_| stack.post("/api/auth/login", &wrong)));
        let answers = requests.buffer_unordered(10).try_collect::<Vec<_>>().await?;
        let refused = refusals(answers)?;
        ensure!(refused > 30, "{refused} of 100 logins were refused");
        user.get("/api/auth/profile").await?.expect(200)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_guest_who_sends_too_many_requests_gets_429_and_the_owner_notices_nothing() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let link =
        user.post("/api/upload-links", &json!({"max_images": 100, "expires_in": 300})).await?.json(201)?;
    let path = format!("/api/upload-links/{}/images", id_of(&link)?);
    let files = json!({"files": [{"file_name": "a", "content_type": "image/png", "size": 10}]});
    astray(&stack, "UploadLinksImagesCreate", ("ADDRESS_RATE", "5"), async || {
        // One after the other, so that one instance answers them, whose bucket holds five.
        let requests = stream::iter((0..60).map(|_| stack.post(&path, &files)));
        let answers = requests.buffer_unordered(1).try_collect::<Vec<_>>().await?;
        let refused = refusals(answers)?;
        ensure!(refused > 20, "{refused} of 60 requests were refused");
        user.get("/api/images").await?.expect(200)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_visitor_who_opens_links_too_often_gets_429_and_the_owner_notices_nothing() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    let link = user.post(&path, &json!({"expires_in": 300})).await?.json(201)?;
    let public = format!("/l/{}", id_of(&link)?);
    astray(&stack, "ImagesLinksView", ("ADDRESS_RATE", "1"), async || {
        let visits = stream::iter((0..100).map(|_| send(stack.request(Method::GET, &public))));
        let answers = visits.buffer_unordered(1).try_collect::<Vec<_>>().await?;
        let refused = refusals(answers)?;
        ensure!(refused > 20, "{refused} of 100 visits were refused");
        // A refused visit does not count.
        let views = user.get(&path).await?.json(200)?["links"][0]["views"].take();
        assert_eq!(views, 100 - refused);
        Ok(())
    })
    .await
}

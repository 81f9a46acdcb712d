//! Receivers of webhooks that are down
//!
//! The pauses are short here. A unit test of `workers-webhook` shows that four attempts with the pauses of the template
//! fall into the first hour after an event.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{ClosedReceiver, Receiver, Stack, User, id_of, until};

use crate::{TURN, astray};

const PAUSES: &str = "WEBHOOK_PAUSES";

/// Waits until a webhook has a delivery that fits, and returns it.
async fn delivery(user: &User, webhook: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
    until("a delivery", async || {
        let page = user.get(&format!("{webhook}/deliveries")).await?.json(200)?;
        Ok(page["deliveries"].as_array().into_iter().flatten().find(|delivery| fits(delivery)).cloned())
    })
    .await
}

fn time(value: &Value) -> Result<Timestamp> {
    Ok(value.as_str().context("no time")?.parse()?)
}

/// Requires what the owner sees of a delivery while the receiver is down.
fn waits(delivery: &Value) -> Result<()> {
    let attempt = &delivery["last_attempt"];
    ensure!(delivery["status"] == "pending" && attempt["error"] == "not-connected", "{delivery}");
    ensure!(time(&delivery["next_attempt_at"])? > time(&attempt["at"])?, "{delivery}");
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_is_down_for_an_hour_gets_every_event_afterwards() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // The fourth pause is long enough to open the port before the fifth attempt. As with the pauses of the template,
    // three more attempts would follow.
    astray(&stack, "WorkersWebhook", (PAUSES, "2,2,2,15,60,60,60"), async || {
        let (down, other) = (ClosedReceiver::new()?, Receiver::start([204]).await?);
        let webhook = json!({"url": down.url, "events": ["image.created"]});
        let webhook = user.post("/api/webhooks", &webhook).await?.json(201)?;
        let secret = webhook["secret"].as_str().context("no secret")?;
        let path = format!("/api/webhooks/{}", id_of(&webhook)?);
        let about_webhooks = json!({"url": other.url, "events": ["webhook.disabled"]});
        user.post("/api/webhooks", &about_webhooks).await?.expect(201)?;

        user.create("image/png", 10).await?;
        let mut first = delivery(&user, &path, |one| one["attempts"] != 0).await?;
        waits(&first)?;
        // Another event happens while the receiver is down.
        user.create("image/png", 10).await?;
        let id = first["id"].clone();
        let second = delivery(&user, &path, |one| one["id"] != id && one["attempts"] != 0).await?;
        waits(&second)?;
        for attempts in 2..=4 {
            let has_failed = |one: &Value| one["id"] == id && one["attempts"].as_u64() >= Some(attempts);
            first = delivery(&user, &path, has_failed).await?;
            waits(&first)?;
        }
        ensure!(first["attempts"] == 4, "{first}");

        // The hour is over.
        let receiver = down.open([204])?;
        let is_delivered = |one: &Value, id: &Value| one["id"] == *id && one["status"] == "delivered";
        let delivered = delivery(&user, &path, |one| is_delivered(one, &id)).await?;
        delivery(&user, &path, |one| is_delivered(one, &second["id"])).await?;
        ensure!(delivered["attempts"] == 5 && delivered["next_attempt_at"].is_null(), "{delivered}");
        let attempt = &delivered["last_attempt"];
        ensure!(attempt["status"] == 204 && attempt["error"].is_null(), "{delivered}");
        // The receiver was not called before the time that the owner has seen.
        ensure!(time(&attempt["at"])? >= time(&first["next_attempt_at"])?, "{first} {delivered}");

        let received = receiver.received();
        for request in &received {
            // The package refuses old times, so the signature is that of this attempt.
            Webhook::new(secret)?.verify(request.body.as_bytes(), &request.headers)?;
        }
        let ids = received.iter().map(|request| request.header("webhook-id"));
        let ids: BTreeSet<Option<&str>> = ids.map(|id| id.map(Some)).collect::<Result<_>>()?;
        let events = [&first, &second].map(|delivery| delivery["event"]["id"].as_str());
        ensure!(ids == BTreeSet::from(events), "{ids:?} {events:?}");

        let shown = user.get(&path).await?.json(200)?;
        ensure!(shown["enabled"] == true && shown["disabled"].is_null(), "{shown}");
        ensure!(shown["last_success_at"].is_string(), "{shown}");
        user.jobs_end().await?;
        ensure!(other.received().is_empty(), "the owner was told that the webhook was disabled");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_webhook_that_its_owner_enables_again_is_not_disabled_by_an_older_delivery() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // The pause is long enough to change the webhook between both attempts.
    astray(&stack, "WorkersWebhook", (PAUSES, "8"), async || {
        let down = ClosedReceiver::new()?;
        let webhook = json!({"url": down.url, "events": ["image.created"]});
        let webhook = user.post("/api/webhooks", &webhook).await?.json(201)?;
        let path = format!("/api/webhooks/{}", id_of(&webhook)?);
        user.create("image/png", 10).await?;
        let older = delivery(&user, &path, |one| one["attempts"] == 1).await?;
        user.patch(&path, &json!({"enabled": false})).await?.expect(200)?;
        user.patch(&path, &json!({"enabled": true})).await?.expect(200)?;
        let failed = delivery(&user, &path, |one| one["status"] == "failed").await?;
        ensure!(failed["id"] == older["id"] && failed["attempts"] == 2, "{failed}");
        let shown = user.get(&path).await?.json(200)?;
        ensure!(shown["enabled"] == true && shown["disabled"].is_null(), "{shown}");

        user.create("image/png", 10).await?;
        delivery(&user, &path, |one| one["id"] != older["id"] && one["status"] == "failed").await?;
        let shown = user.get(&path).await?.json(200)?;
        ensure!(shown["enabled"] == false && shown["disabled"]["reason"] == "failing", "{shown}");
        Ok(())
    })
    .await
}

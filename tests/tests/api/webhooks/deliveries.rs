//! `POST /api/webhooks/{id}/test`, `POST /api/webhooks/{id}/rotate`, `GET /api/webhooks/{id}/deliveries` and
//! `POST /api/webhooks/{id}/deliveries/{delivery_id}/redeliver`
//!
//! On the local stack, an attempt that failed is repeated after a second, at most three times (samconfig.toml).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tests::{Received, Receiver, Stack, User, events, id_of, pictures, read_delivery, until};

const PATH: &str = "/api/webhooks";

/// A webhook of a user: its path and its secret.
struct Created {
    path: String,
    secret: String,
}

async fn create(user: &User, url: &str, events: Value) -> Result<Created> {
    let created = user.post(PATH, &json!({"url": url, "events": events})).await?.json(201)?;
    let secret = created["secret"].as_str().context("no secret")?.to_owned();
    Ok(Created { path: format!("{PATH}/{}", id_of(&created)?), secret })
}

/// Verifies a request with the package of Standard Webhooks.
fn verify(received: &Received, secret: &str) -> Result<()> {
    Ok(Webhook::new(secret)?.verify(received.body.as_bytes(), &received.headers)?)
}

/// Waits until the newest delivery has this status, and returns it.
async fn newest(user: &User, webhook: &Created, status: &str) -> Result<Value> {
    let path = format!("{}/deliveries", webhook.path);
    until(&format!("a delivery that is {status}"), async || {
        let mut page = user.get(&path).await?.json(200)?;
        // The stream records a delivery a moment after the change.
        let delivery = page["deliveries"].get_mut(0).map(Value::take);
        Ok(delivery.filter(|delivery| delivery["status"] == status))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn the_events_of_an_image_are_delivered_signed_and_in_the_form_of_cloudevents() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([204]).await?);
    let webhook = create(&user, &receiver.url, Value::Null).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    let mut received = receiver.receives(3).await?;
    received.sort_by_key(|request| request.event().map(|event| event["sequence"].to_string()).ok());
    let mut types = Vec::new();
    for request in &received {
        verify(request, &webhook.secret)?;
        let event = request.event()?;
        ensure!(event["specversion"] == "1.0" && event["subject"] == format!("images/{id}"), "{event}");
        ensure!(event["data"]["user"] == user.id.as_str(), "{event}");
        ensure!(request.header("webhook-id")? == event["id"].as_str().context("no id")?);
        types.push(event["type"].clone());
        // The packages of Python read the same.
        let read = read_delivery(request, &webhook.secret)?;
        ensure!(read["verified"] == true && read["data"] == event["data"], "{read}");
        for name in ["id", "type", "source", "subject", "sequence"] {
            ensure!(read[name] == event[name], "{name}: {read}");
        }
    }
    assert_eq!(types, ["image.created", "image.ready", "image.deleted"]);
    // A changed byte is refused, and so is an old time.
    let mut changed = received[0].clone();
    changed.body = changed.body.replace("image.created", "image.Created");
    assert!(verify(&changed, &webhook.secret).is_err());
    assert_eq!(read_delivery(&changed, &webhook.secret)?["verified"], false);
    let mut old = received[0].clone();
    old.headers.insert("webhook-timestamp", "1773342300".parse()?);
    assert!(verify(&old, &webhook.secret).is_err());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_webhook_gets_only_the_types_that_it_asks_for_and_nothing_of_other_users() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let receiver = Receiver::start([204]).await?;
    create(&user, &receiver.url, json!(["image.deleted"])).await?;
    other.create("image/png", 10).await?;
    let created = user.create("image/png", 10).await?;
    user.delete(&format!("/api/images/{}", created.id())).await?.expect(204)?;
    let received = receiver.receives(1).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let types: Vec<Value> = receiver
        .received()
        .iter()
        .map(|request| Ok(request.event()?["type"].take()))
        .collect::<Result<_>>()?;
    assert_eq!((types, received.len()), (vec![json!("image.deleted")], 1));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_delivery_is_repeated_with_the_same_id_until_the_receiver_takes_it() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([500, 302, 204]).await?);
    let webhook = create(&user, &receiver.url, json!(["image.created"])).await?;
    user.create("image/png", 10).await?;
    let delivery = newest(&user, &webhook, "delivered").await?;
    assert_eq!((&delivery["attempts"], &delivery["last_attempt"]["status"]), (&json!(3), &json!(204)));
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    let ids = received.iter().map(|request| request.header("webhook-id")).collect::<Result<Vec<_>>>()?;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // Each attempt has a time and a signature of its own.
    for request in &received {
        verify(request, &webhook.secret)?;
    }
    let shown = user.get(&webhook.path).await?.json(200)?;
    assert!(shown["last_success_at"].is_string() && shown["enabled"] == true, "{shown}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn after_the_last_attempt_the_webhook_is_disabled_and_its_owner_is_told() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, good) = (stack.user().await?, Receiver::start([204]).await?);
    // Nothing listens at this address.
    let webhook = create(&user, "http://127.0.0.1:9/", json!(["image.created"])).await?;
    create(&user, &good.url, json!(["webhook.disabled"])).await?;
    user.create("image/png", 10).await?;
    let delivery = newest(&user, &webhook, "failed").await?;
    assert_eq!(
        (&delivery["attempts"], &delivery["last_attempt"]["error"]),
        (&json!(4), &json!("not-connected"))
    );
    let shown = user.get(&webhook.path).await?.json(200)?;
    assert_eq!((&shown["enabled"], &shown["disabled"]["reason"]), (&json!(false), &json!("failing")));
    let told = good.receives(1).await?[0].event()?;
    assert_eq!(told["data"]["webhook"]["url"], "http://127.0.0.1:9/");
    let enabled = user.patch(&webhook.path, &json!({"enabled": true})).await?.json(200)?;
    assert_eq!((&enabled["enabled"], &enabled["disabled"]), (&json!(true), &Value::Null));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_receiver_that_is_gone_is_disabled_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([410]).await?);
    let webhook = create(&user, &receiver.url, json!(["image.created"])).await?;
    user.create("image/png", 10).await?;
    newest(&user, &webhook, "failed").await?;
    let shown = user.get(&webhook.path).await?.json(200)?;
    assert_eq!(shown["disabled"]["reason"], "gone");
    assert_eq!(receiver.received().len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_receiver_that_is_too_slow_is_tried_again() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::slow([204], Duration::from_secs(12)).await?);
    let webhook = create(&user, &receiver.url, Value::Null).await?;
    user.post_empty(&format!("{}/test", webhook.path)).await?.expect(202)?;
    let delivery = newest(&user, &webhook, "failed").await?;
    assert_eq!(delivery["last_attempt"]["error"], "timeout");
    assert!(delivery["last_attempt"]["duration_ms"].as_u64() >= Some(10_000), "{delivery}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_test_has_one_attempt_and_can_be_repeated() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([503, 200]).await?);
    let webhook = create(&user, &receiver.url, json!(["image.created"])).await?;
    user.patch(&webhook.path, &json!({"enabled": false})).await?.expect(200)?;
    let started = user.post_empty(&format!("{}/test", webhook.path)).await?.json(202)?;
    let failed = newest(&user, &webhook, "failed").await?;
    assert_eq!((&failed["id"], &failed["last_attempt"]["status"]), (&started["id"], &json!(503)));
    let path = format!("{}/deliveries/{}/redeliver", webhook.path, id_of(&failed)?);
    user.post_empty(&path).await?.expect(202)?;
    let delivered = newest(&user, &webhook, "delivered").await?;
    assert_eq!((&delivered["id"], &delivered["attempts"]), (&failed["id"], &json!(2)));
    let received = receiver.received();
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[0].event()?["type"], "webhook.test");
    let shown = user.get(&webhook.path).await?.json(200)?;
    assert_eq!((&shown["enabled"], &shown["disabled"]), (&json!(false), &Value::Null));
    user.post_empty(&format!("{}/deliveries/01JZ0000000000000000000000/redeliver", webhook.path))
        .await?
        .problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn two_secrets_sign_after_a_rotation_and_the_first_one_ends_with_the_second_rotation() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([204]).await?);
    let webhook = create(&user, &receiver.url, Value::Null).await?;
    let rotate = async || -> Result<String> {
        let rotated = user.post_empty(&format!("{}/rotate", webhook.path)).await?.json(200)?;
        Ok(rotated["secret"].as_str().context("no secret")?.to_owned())
    };
    let test = async |count: usize| -> Result<Received> {
        user.post_empty(&format!("{}/test", webhook.path)).await?.expect(202)?;
        receiver.receives(count).await?.pop().context("no request")
    };
    let second = rotate().await?;
    let received = test(1).await?;
    verify(&received, &webhook.secret)?;
    verify(&received, &second)?;
    let third = rotate().await?;
    let received = test(2).await?;
    assert!(verify(&received, &webhook.secret).is_err());
    verify(&received, &second)?;
    verify(&received, &third)
}

#[tokio::test]
#[ignore = "needs the local stack: AWS does not reach the receiver"]
async fn a_record_that_comes_twice_is_recorded_once() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, receiver) = (stack.user().await?, Receiver::start([204]).await?);
    let webhook = create(&user, &receiver.url, Value::Null).await?;
    for number in 0..3 {
        let event = events::image_created(&user, "01JZ0000000000000000000000", number)?;
        for _ in 0..2 {
            let answer = stack.invoke("WorkersEvents", &event).await?.ok()?;
            assert_eq!(answer, json!({"batchItemFailures": []}));
        }
    }
    receiver.receives(3).await?;
    user.jobs_end().await?;
    assert_eq!(receiver.received().len(), 3);
    // The pages of the list show each of them once.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/deliveries?limit=2{cursor}", webhook.path);
        let page = user.get(&path).await?.json(200)?;
        seen.extend(page["deliveries"].as_array().into_iter().flatten().map(|one| one["id"].to_string()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
    Ok(())
}

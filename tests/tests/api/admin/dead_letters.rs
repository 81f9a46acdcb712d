//! `GET /api/admin/queues/{name}/dead-letters`, `POST /api/admin/queues/{name}/redrive`

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, User, events, id_of, pictures, send};

use crate::DEAD_LETTERS;

async fn list(admin: &User, name: &str) -> Result<Vec<Value>> {
    let path = format!("/api/admin/queues/{name}/dead-letters");
    let mut body = admin.get(&path).await?.json(200)?;
    let letters = body["dead_letters"].as_array_mut().context("no list")?;
    Ok(std::mem::take(letters))
}

async fn redrive(admin: &User, name: &str) -> Result<Value> {
    admin.post_empty(&format!("/api/admin/queues/{name}/redrive")).await?.json(200)
}

#[tokio::test]
#[ignore = "needs the local stack: it deletes dead letters"]
async fn a_dead_letter_is_listed_and_redriven_and_then_its_work_is_done() -> Result<()> {
    let _turn = DEAD_LETTERS.lock().await;
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let letters = stack.resource("StreamDeadLetters").await?;
    stack.aws.purge_queue(&letters).await?;
    assert!(list(&admin, "reclaim").await?.is_empty());

    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let record = events::removed(&user, id).await?["Records"][0].take();
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.objects_vanish(id).await?;
    // What is left, as if the clean-up had failed, and the dead letter about it.
    let left = format!("{}/200.png", user.key(id));
    stack.aws.put_object(&stack.outputs.derived_bucket, &left, vec![0]).await?;
    stack.aws.send_message(&letters, &record).await?;

    // The letter stays visible.
    for received in [1, 2] {
        let listed = list(&admin, "reclaim").await?;
        let [letter] = &listed[..] else { anyhow::bail!("{listed:?}") };
        let about = json!({"kind": "image", "id": id, "user_id": user.id, "change": "removed"});
        assert_eq!((&letter["about"], &letter["received"]), (&about, &json!(received)));
    }
    assert_eq!(redrive(&admin, "reclaim").await?, json!({"sent": 1, "kept": 0, "more": false}));
    user.objects_vanish(id).await?;
    assert!(list(&admin, "reclaim").await?.is_empty());
    assert_eq!(redrive(&admin, "reclaim").await?, json!({"sent": 0, "kept": 0, "more": false}));

    let path = format!("/api/admin/audit?target=reclaim&admin={}", admin.id);
    let entries = admin.get(&path).await?.json(200)?;
    let [second, first, ..] = &entries["entries"].as_array().context("no list")?[..] else {
        anyhow::bail!("{entries}")
    };
    for entry in [first, second] {
        assert_eq!((&entry["action"], &entry["outcome"]), (&json!("redrive-dead-letters"), &json!("done")));
        let target = json!({"kind": "queue", "id": "reclaim", "user_id": null, "name": null});
        assert_eq!(entry["target"], target);
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it deletes dead letters"]
async fn a_letter_with_only_a_position_of_records_stays() -> Result<()> {
    let _turn = DEAD_LETTERS.lock().await;
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let letters = stack.resource("EventDeadLetters").await?;
    stack.aws.purge_queue(&letters).await?;
    let position = json!({"shardId": "shardId-1", "startSequenceNumber": "1", "endSequenceNumber": "1"});
    stack.aws.send_message(&letters, &json!({"version": "1.0", "DDBStreamBatchInfo": position})).await?;
    assert_eq!(redrive(&admin, "events").await?, json!({"sent": 0, "kept": 1, "more": false}));
    let listed = list(&admin, "events").await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["about"]["kind"], "position");
    stack.aws.purge_queue(&letters).await
}

#[tokio::test]
async fn every_kind_of_work_has_a_list() -> Result<()> {
    let _turn = DEAD_LETTERS.lock().await;
    let admin = Stack::connect()?.admin().await?;
    let body = admin.get("/api/admin/queues").await?.json(200)?;
    let names = body["queues"].as_array().context("no list")?.iter();
    let names: Vec<&str> = names.filter_map(|queue| queue["name"].as_str()).collect();
    assert!(names.len() >= 10, "{names:?}");
    // A laptop cannot start more instances at the same time.
    let lists = stream::iter(names.into_iter().map(|name| list(&admin, name))).buffer_unordered(4);
    lists.try_collect::<Vec<_>>().await.map(drop)
}

#[tokio::test]
async fn only_admins_see_and_redrive_dead_letters_and_other_names_are_not_found() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    for (method, end) in [(Method::GET, "dead-letters"), (Method::POST, "redrive")] {
        let path = format!("/api/admin/queues/tiers/{end}");
        send(user.request(method.clone(), &path)).await?.problem(403, "admins-only")?;
        assert_eq!(send(stack.request(method.clone(), &path)).await?.status, 401);
        let unknown = format!("/api/admin/queues/unknown/{end}");
        send(admin.request(method, &unknown)).await?.problem(404, "not-found")?;
    }
    Ok(())
}

//! `POST /api/images/batch`

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use serde_json::{Value, json};
use tests::{Stack, User, id_of, pictures, unique};

const PATH: &str = "/api/images/batch";

async fn ready(user: &User) -> Result<String> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    Ok(id_of(&image)?.to_owned())
}

/// The codes of the problems, in the order of the operations.
fn codes(answer: &Value) -> Vec<&str> {
    let outcomes = answer["outcomes"].as_array().into_iter().flatten();
    outcomes.map(|outcome| outcome["problem"]["code"].as_str().unwrap_or("done")).collect()
}

#[tokio::test]
async fn many_pictures_are_deleted_restored_and_changed_and_each_has_its_outcome() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let (one, two, three, foreign) =
        tokio::try_join!(ready(&user), ready(&user), ready(&user), ready(&other))?;
    let body = json!({"operations": [
        {"id": one, "action": "delete"},
        {"id": two, "action": "update", "title": "A title", "file_name": "b.png"},
        {"id": three, "action": "restore"},
        {"id": foreign, "action": "delete", "permanent": true},
    ]});
    let answer = user.post(PATH, &body).await?.json(200)?;
    assert_eq!(codes(&answer), ["done", "done", "done", "not-found"]);
    assert_eq!(answer["outcomes"][1]["id"], two);
    user.get(&format!("/api/images/{one}")).await?.problem(404, "not-found")?;
    let changed = user.image(&two).await?;
    assert_eq!((&changed["title"], &changed["file_name"]), (&json!("A title"), &json!("b.png")));
    other.get(&format!("/api/images/{foreign}")).await?.expect(200)?;

    let body = json!({"operations": [
        {"id": one, "action": "restore"},
        {"id": two, "action": "update", "title": null},
        {"id": three, "action": "delete", "permanent": true},
    ]});
    assert_eq!(codes(&user.post(PATH, &body).await?.json(200)?), ["done"; 3]);
    user.get(&format!("/api/images/{one}")).await?.expect(200)?;
    assert_eq!(user.image(&two).await?["title"], Value::Null);
    user.objects_vanish(&three).await
}

#[tokio::test]
async fn a_hundred_operations_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // Four at a time. Each request at the same time can start another process.
    let creations = stream::iter((0..100).map(|_| user.create("image/png", 10)));
    let images: Vec<_> = creations.buffer_unordered(4).try_collect().await?;
    let operation = |id: &str| json!({"id": id, "action": "delete"});
    let operations: Vec<Value> = images.iter().map(|image| operation(image.id())).collect();
    let answer = user.post(PATH, &json!({"operations": operations})).await?.json(200)?;
    assert_eq!(codes(&answer), ["done"; 100]);
    user.usage_becomes(0, 0).await?;
    let too_many: Vec<Value> =
        operations.into_iter().chain([operation("01JZ0000000000000000000000")]).collect();
    let problem = user.post(PATH, &json!({"operations": too_many})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "operations");
    Ok(())
}

#[tokio::test]
async fn a_repeated_request_has_the_same_outcomes() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, key) = (ready(&user).await?, unique("key"));
    let body = json!({"operations": [
        {"id": id, "action": "delete"},
        {"id": "01JZ0000000000000000000000", "action": "delete"},
    ]});
    let first = user.post_once(PATH, &key, &body).await?.json(200)?;
    assert_eq!(codes(&first), ["done", "not-found"]);
    user.post_empty(&format!("/api/images/{id}/restore")).await?.expect(200)?;
    assert_eq!(user.post_once(PATH, &key, &body).await?.json(200)?, first);
    // The repeated request deleted nothing.
    user.get(&format!("/api/images/{id}")).await?.expect(200)?;
    let other = json!({"operations": [{"id": id, "action": "delete"}]});
    user.post_once(PATH, &key, &other).await?.problem(422, "idempotency-key-reused")?;
    // The key belongs to this request, whichever endpoint uses it next.
    let new = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    user.post_once("/api/images", &key, &new).await?.problem(422, "idempotency-key-reused")?;
    Ok(())
}

#[tokio::test]
async fn many_repetitions_at_once_delete_once_and_agree() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (id, key) = (ready(&user).await?, unique("key"));
    let body = json!({"operations": [{"id": id, "action": "delete", "permanent": true}]});
    let answers = try_join_all((0..5).map(|_| user.post_once(PATH, &key, &body))).await?;
    for answer in answers {
        let answer = answer.json(200)?;
        assert_eq!(codes(&answer), ["done"], "{answer}");
    }
    user.usage_becomes(0, 0).await?;
    user.item(&format!("RECLAIMED#{id}")).await?.context("the quota was not refunded")?;
    Ok(())
}

//! `POST` and `GET /api/webhooks`, and `GET`, `PATCH` and `DELETE /api/webhooks/{id}`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User, id_of};

const PATH: &str = "/api/webhooks";

async fn create(user: &User) -> Result<Value> {
    user.post(PATH, &json!({"url": "https://93.184.216.34/hook", "events": ["image.ready"]})).await?.json(201)
}

#[tokio::test]
async fn the_secret_is_shown_once() -> Result<()> {
    let user = Stack::connect()?.user().await?;
    let created = create(&user).await?;
    let (id, secret) = (id_of(&created)?, created["secret"].as_str().context("no secret")?);
    let path = format!("{PATH}/{id}");
    for shown in [user.get(&path).await?.json(200)?, user.get(PATH).await?.json(200)?] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
    let changed = user.patch(&path, &json!({"description": "The shop", "events": null})).await?.json(200)?;
    assert!(!changed.to_string().contains(secret), "{changed}");
    assert_eq!((&changed["description"], &changed["events"]), (&json!("The shop"), &Value::Null));
    assert_eq!(changed["url"], created["url"]);
    Ok(())
}

#[tokio::test]
async fn somebody_elses_webhook_is_not_found() -> Result<()> {
    let stack = Stack::connect()?;
    let (owner, other) = tokio::try_join!(stack.user(), stack.user())?;
    let path = format!("{PATH}/{}", id_of(&create(&owner).await?)?);
    other.get(&path).await?.problem(404, "not-found")?;
    other.patch(&path, &json!({"enabled": false})).await?.problem(404, "not-found")?;
    other.delete(&path).await?.problem(404, "not-found")?;
    other.get(&format!("{path}/deliveries")).await?.problem(404, "not-found")?;
    other.post_empty(&format!("{path}/test")).await?.problem(404, "not-found")?;
    other.post_empty(&format!("{path}/rotate")).await?.problem(404, "not-found")?;
    assert_eq!(owner.get(&path).await?.json(200)?["enabled"], true);
    Ok(())
}

#[tokio::test]
async fn a_user_has_at_most_ten_webhooks_even_with_requests_at_the_same_time() -> Result<()> {
    let user = Stack::connect()?.user().await?;
    let answers = futures_util::future::try_join_all((0..15).map(|_| {
        let body = json!({"url": "https://93.184.216.34/hook"});
        let user = &user;
        async move { user.post(PATH, &body).await }
    }))
    .await?;
    let mut created = 0;
    for answer in answers {
        if answer.status == 201 {
            created += 1;
        } else {
            assert_eq!(answer.problem(409, "quota-exceeded")?["limit"], "max_webhooks");
        }
    }
    assert_eq!(created, 10);
    let webhooks = user.get(PATH).await?.json(200)?;
    assert_eq!(webhooks["webhooks"].as_array().map(Vec::len), Some(10));
    // A deleted webhook makes room for another one.
    let path = format!("{PATH}/{}", id_of(&webhooks["webhooks"][0])?);
    user.delete(&path).await?.expect(204)?;
    user.delete(&path).await?.problem(404, "not-found")?;
    create(&user).await?;
    user.post(PATH, &json!({"url": "https://93.184.216.34/hook"})).await?.problem(409, "quota-exceeded")?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_account_leaves_no_webhook() -> Result<()> {
    let user = Stack::connect()?.user().await?;
    create(&user).await?;
    user.delete_with("/api/auth/account", &json!({"password": user.password})).await?.expect(202)?;
    user.only_the_tombstone_remains().await
}

//! `workers-delete-account`: accounts whose user is gone from the pool, and files that come too late

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, User, id_of, pictures, send, until};

async fn delete_account(user: &User) -> Result<()> {
    let request = user.request(Method::DELETE, "/api/auth/account");
    send(request.json(&json!({"password": user.password}))).await?.expect(202)?;
    user.only_the_tombstone_remains().await
}

/// Lets the worker look at one user, and returns what it found.
async fn check_users(user: &User) -> Result<Value> {
    user.stack.invoke("WorkersDeleteAccount", &json!({"prefix": user.id})).await?.ok()
}

/// Deletes a user in the pool with Cognito's own operation, which needs no more than the access token.
async fn delete_in_pool(user: &User) -> Result<()> {
    user.stack.cognito("DeleteUser", &json!({"AccessToken": user.tokens.access_token})).await.map(drop)
}

/// Sets `missing_since` to three days before `time`.
async fn miss_since_before(user: &User, time: jiff::Timestamp) -> Result<()> {
    let earlier = jiff::Timestamp::from_second(time.as_second() - 3 * 24 * 60 * 60)?.to_string();
    user.change_profile("SET missing_since = :earlier", json!({":earlier": earlier})).await
}

#[tokio::test]
async fn the_account_of_a_user_who_is_gone_from_the_pool_is_deleted_after_three_days() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    delete_in_pool(&user).await?;
    for _again in 0..2 {
        assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 1, "requested": 0}));
    }
    let since = user.item("PROFILE").await?.context("no profile")?["missing_since"].take();
    let since: jiff::Timestamp = since.as_str().context("no time")?.parse()?;
    ensure!(jiff::Timestamp::now().as_second() - since.as_second() < 60, "{since}");
    assert!(user.record(id_of(&image)?).await?.is_some());

    miss_since_before(&user, since).await?;
    assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 1, "requested": 1}));
    user.only_the_tombstone_remains().await?;
    // The index may still show the user for a moment.
    until(
        "the index to forget the user",
        async || Ok((check_users(&user).await?["users"] == 0).then_some(())),
    )
    .await
}

#[tokio::test]
async fn a_user_of_the_pool_is_left_alone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.create("image/png", 10).await?;
    assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 0, "requested": 0}));
    assert_eq!(user.item("PROFILE").await?.context("no profile")?.get("missing_since"), None);
    Ok(())
}

#[tokio::test]
async fn a_user_who_was_missing_once_is_not_missing_since_then() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.create("image/png", 10).await?;
    miss_since_before(&user, jiff::Timestamp::now()).await?;
    assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 0, "requested": 0}));
    assert_eq!(user.item("PROFILE").await?.context("no profile")?.get("missing_since"), None);
    delete_in_pool(&user).await?;
    assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 1, "requested": 0}));
    Ok(())
}

#[tokio::test]
async fn the_account_of_a_user_who_only_made_a_key_or_a_webhook_is_deleted_too() -> Result<()> {
    let stack = Stack::connect()?;
    let (with_key, with_webhook) = tokio::try_join!(stack.user(), stack.user())?;
    let key = json!({"name": "The shop", "scopes": ["images:read"], "password": with_key.password});
    with_key.post("/api/keys", &key).await?.expect(201)?;
    with_webhook.post("/api/webhooks", &json!({"url": "https://93.184.216.34/hook"})).await?.expect(201)?;
    for user in [with_key, with_webhook] {
        delete_in_pool(&user).await?;
        assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 1, "requested": 0}));
        miss_since_before(&user, jiff::Timestamp::now()).await?;
        assert_eq!(check_users(&user).await?, json!({"users": 1, "missing": 1, "requested": 1}));
        user.only_the_tombstone_remains().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_arrives_after_the_end_of_the_account_is_deleted() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, picture) = (stack.user().await?, pictures::png(64, 64)?);
    let created = user.create("image/png", picture.len()).await?;
    delete_account(&user).await?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.only_the_tombstone_remains().await
}

#[tokio::test]
#[ignore = "needs the local stack: AWS deletes expired items within days"]
async fn when_the_tombstone_expires_files_whose_event_was_lost_are_deleted() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    delete_account(&user).await?;
    // This bucket sends no events.
    let key = format!("{}/200.png", user.key(created.id()));
    stack.aws.put_object(&stack.outputs.derived_bucket, &key, vec![0]).await?;
    assert_eq!(user.remains().await?.len(), 2);
    user.change_profile("SET expires_at = :past", json!({":past": 1})).await?;
    until("the file and the tombstone to go", async || Ok(user.remains().await?.is_empty().then_some(())))
        .await
}

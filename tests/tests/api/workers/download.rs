//! Download jobs

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, events, id_of, pictures, until};

/// Waits until the first download of a user has this status, and returns its item.
async fn becomes(user: &User, status: &str) -> Result<Value> {
    until("the download to end", async || {
        let stored = user.item("DOWNLOAD#0").await?.context("no download")?;
        Ok((stored["status"] == status).then_some(stored))
    })
    .await
}

/// Puts a download of images that nobody checked, and its job.
async fn put(user: &User, images: &[&str], attempts: u32) -> Result<Value> {
    let (id, pk) = ("01JZ0000000000000000000000", format!("USER#{}", user.id));
    let download = json!({
        "pk": pk, "sk": "DOWNLOAD#0", "id": id, "slot": 0, "job": id, "images": images, "bytes": 1,
        "status": "queued", "created_at": "2026-03-12T19:03:58Z", "expires_at": 9_999_999_999_i64,
    });
    user.stack.aws.put_item(&user.stack.outputs.table, &download).await?;
    user.put_job(id, json!({"task": "download", "download": id, "attempts": attempts})).await
}

#[tokio::test]
async fn a_picture_that_was_deleted_is_left_out() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(20, 20)?).await?;
    put(&user, &["01JZ0000000000000000000000", id_of(&image)?], 0).await?;
    let done = becomes(&user, "done").await?;
    assert_eq!((&done["files_done"], &done["files_skipped"]), (&json!(1), &json!(1)));
    Ok(())
}

#[tokio::test]
async fn without_any_picture_and_without_attempts_a_download_fails_and_leaves_no_file() -> Result<()> {
    let stack = Stack::connect()?;
    for (attempts, code) in [(0, "no-picture"), (5, "gave-up")] {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        put(&user, &["01JZ0000000000000000000000"], attempts).await?;
        let failed = becomes(&user, "failed").await?;
        assert_eq!(failed["failure"]["code"], code);
        let prefix = format!("downloads/{}/", user.id);
        assert_eq!(stack.aws.keys(&stack.outputs.derived_bucket, &prefix).await?, [""; 0]);
        user.jobs_end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_repeated_message_makes_no_second_archive() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(20, 20)?).await?;
    let message = put(&user, &[id_of(&image)?], 0).await?;
    becomes(&user, "done").await?;
    user.jobs_end().await?;
    let event = events::messages([("m", message.to_string())]);
    let answer = stack.invoke("WorkersDownload", &event).await?.ok()?;
    assert_eq!(answer["batchItemFailures"], json!([]));
    Ok(())
}

#[tokio::test]
async fn the_archives_go_with_the_account() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(20, 20)?).await?;
    user.post("/api/downloads", &json!({"image_ids": [id_of(&image)?]})).await?.expect(202)?;
    becomes(&user, "done").await?;
    let request = user.request(reqwest::Method::DELETE, "/api/auth/account");
    tests::send(request.json(&json!({"password": user.password}))).await?.expect(202)?;
    user.only_the_tombstone_remains().await?;
    let prefix = format!("downloads/{}/", user.id);
    assert_eq!(stack.aws.keys(&stack.outputs.derived_bucket, &prefix).await?, [""; 0]);
    Ok(())
}

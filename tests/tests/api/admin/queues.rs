//! `GET /api/admin/queues`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User, until};

use crate::DEAD_LETTERS;

async fn queue(admin: &User, name: &str) -> Result<Value> {
    let body = admin.get("/api/admin/queues").await?.json(200)?;
    let queues = body["queues"].as_array().context("no list")?;
    queues.iter().find(|queue| queue["name"] == name).cloned().with_context(|| format!("no {name}: {body}"))
}

#[tokio::test]
#[ignore = "needs the local stack: it leaves dead letters, which raise alarms"]
async fn a_dead_letter_shows() -> Result<()> {
    let _turn = DEAD_LETTERS.lock().await;
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    for (name, letters) in [
        ("analysis", "AnalysisDeadLetters"),
        ("edits", "EditDeadLetters"),
        ("dropbox", "DropboxDeadLetters"),
        ("downloads", "DownloadDeadLetters"),
        ("failed-uploads", "UploadDeadLetters"),
        ("reclaim", "StreamDeadLetters"),
        ("tiers", "TiersDeadLetters"),
        ("events", "EventDeadLetters"),
        ("webhooks", "WebhookDeadLetters"),
        ("accounts", "AccountDeadLetters"),
    ] {
        let before = queue(&admin, name).await?["dead"].as_u64().context("no number")?;
        let url = stack.resource(letters).await?;
        stack.aws.send_message(&url, &json!({"sample": name})).await?;
        until("the letter to be counted", async || {
            Ok((queue(&admin, name).await?["dead"].as_u64() > Some(before)).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn work_that_waits_and_work_that_is_done_are_told_apart() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    for name in [
        "analysis",
        "edits",
        "dropbox",
        "downloads",
        "failed-uploads",
        "reclaim",
        "tiers",
        "events",
        "webhooks",
        "accounts",
    ] {
        let queue = queue(&admin, name).await?;
        assert!(queue["waiting"].is_u64() && queue["in_flight"].is_u64(), "{queue}");
    }
    Ok(())
}

#[tokio::test]
async fn only_admins_see_the_queues() -> Result<()> {
    let stack = Stack::connect()?;
    stack.user().await?.get("/api/admin/queues").await?.problem(403, "admins-only")?;
    let anybody = stack.request(reqwest::Method::GET, "/api/admin/queues").send().await?;
    assert_eq!(anybody.status(), 401);
    Ok(())
}

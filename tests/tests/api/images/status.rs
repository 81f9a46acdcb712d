//! `GET /api/images/{id}/status`

use anyhow::Result;
use serde_json::json;
use tests::{Stack, id_of, pictures};

#[tokio::test]
async fn the_status_goes_from_pending_to_ready() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    let path = format!("/api/images/{}/status", created.id());
    let expected = |status| json!({"id": created.id(), "status": status, "version": 1, "failure": null});
    assert_eq!(user.get(&path).await?.json(200)?, expected("pending"));
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.developed(created.id()).await?;
    assert_eq!(user.get(&path).await?.json(200)?, expected("ready"));
    Ok(())
}

#[tokio::test]
async fn a_failure_says_why() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let whole = pictures::jpeg(64, 64)?;
    let image = user.upload_and_develop("image/jpeg", whole[..whole.len() / 2].to_vec()).await?;
    let path = format!("/api/images/{}/status", id_of(&image)?);
    let status = user.get(&path).await?.json(200)?;
    assert_eq!((&status["status"], &status["failure"]["code"]), (&json!("failed"), &json!("corrupt-image")));
    assert_eq!(status["failure"], image["failure"]);
    Ok(())
}

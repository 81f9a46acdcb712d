//! Deployments without Dropbox

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::{Plan, Stack, pictures};

use crate::{TURN, astray};

const OFF: (&str, &str) = ("DROPBOX_SECRET", "");

#[tokio::test]
async fn without_credentials_nothing_is_copied_or_queued_and_the_profile_says_so() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user().await?, Plan::new()?);
    astray(&stack, "WorkersThumbnail", OFF, async || {
        let picture = pictures::png(64, 64)?;
        let id =
            user.upload_for_phone("+4915123456789", &plan.file_name(".png"), "image/png", picture).await?;
        let image = user.developed(&id).await?;
        ensure!(image["status"] == "ready" && image["dropbox"] == Value::Null, "{image}");
        ensure!(!user.has_jobs().await?, "a job");
        Ok(())
    })
    .await?;
    astray(&stack, "AuthProfile", OFF, async || {
        let profile = user.get("/api/auth/profile").await?.json(200)?;
        ensure!(profile["features"]["dropbox"] == false, "{profile}");
        Ok(())
    })
    .await?;
    assert_eq!(plan.calls().await?.len(), 0);
    Ok(())
}

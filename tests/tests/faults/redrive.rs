//! Dead letters, and `cargo xtask redrive`

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Plan, Stack, pictures, until};

use crate::TURN;

/// Runs `cargo xtask redrive` on the stack, and returns its output.
pub(crate) fn redrive() -> Result<String> {
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let outputs = env::var("DARKROOM_OUTPUTS").context("no stack")?;
    let dir = Path::new(&outputs).parent().context("no directory")?;
    let output = Command::new(xtask).arg("redrive").arg("--dir").arg(dir).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Deletes the messages that other tests left.
pub(crate) async fn purge_dead_letters(stack: &Stack) -> Result<()> {
    for queue in [
        "AnalysisDeadLetters",
        "EditDeadLetters",
        "DropboxDeadLetters",
        "DownloadDeadLetters",
        "UploadDeadLetters",
        "StreamDeadLetters",
        "TiersDeadLetters",
        "EventDeadLetters",
        "WebhookDeadLetters",
        "AccountDeadLetters",
    ] {
        stack.aws.purge_queue(&stack.resource(queue).await?).await?;
    }
    Ok(())
}

/// A queue whose messages become dead letters after their first delivery, and soon.
pub(crate) struct Impatient {
    stack: Stack,
    queue: String,
    attributes: Value,
}

impl Impatient {
    pub(crate) async fn queue(stack: &Stack, name: &str) -> Result<Self> {
        let queue = stack.resource(name).await?;
        stack.aws.purge_queue(&queue).await?;
        let attributes = stack.aws.queue_attributes(&queue).await?;
        let policy = attributes["RedrivePolicy"].as_str().context("no redrive policy")?;
        let mut impatient: Value = serde_json::from_str(policy)?;
        impatient["maxReceiveCount"] = json!(1);
        let change = json!({"VisibilityTimeout": "1", "RedrivePolicy": impatient.to_string()});
        stack.aws.set_queue_attributes(&queue, &change).await?;
        Ok(Self { stack: stack.clone(), queue, attributes })
    }

    pub(crate) async fn restore(self) -> Result<()> {
        let Self { stack, queue, attributes } = self;
        let (timeout, policy) = (&attributes["VisibilityTimeout"], &attributes["RedrivePolicy"]);
        let restored = json!({"VisibilityTimeout": timeout, "RedrivePolicy": policy});
        stack.aws.set_queue_attributes(&queue, &restored).await
    }
}

pub(crate) async fn holds(stack: &Stack, queue: &str, letters: &str) -> Result<()> {
    until(&format!("{letters} dead letters"), async || {
        let attributes = stack.aws.queue_attributes(queue).await?;
        Ok((attributes["ApproximateNumberOfMessages"] == letters).then_some(()))
    })
    .await
}

async fn set_policy(stack: &Stack, queue: &str, policy: &Value) -> Result<()> {
    stack.aws.set_queue_attributes(queue, &json!({"RedrivePolicy": policy.to_string()})).await
}

#[tokio::test]
async fn a_removal_among_the_dead_letters_is_done_after_a_redrive() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user().await?, Plan::new()?);
    let (jobs, letters) =
        tokio::try_join!(stack.resource("DropboxJobs"), stack.resource("DropboxDeadLetters"))?;
    purge_dead_letters(&stack).await?;
    let picture = pictures::png(64, 64)?;
    let id = user.upload_for_phone("+4915123456789", &plan.file_name(".png"), "image/png", picture).await?;
    user.mirrored(&id).await?;

    let policy = stack.aws.queue_attributes(&jobs).await?["RedrivePolicy"].take();
    let policy: Value = serde_json::from_str(policy.as_str().context("no redrive policy")?)?;
    let mut impatient = policy.clone();
    impatient["maxReceiveCount"] = json!(2);
    set_policy(&stack, &jobs, &impatient).await?;
    let plan = plan.answers(json!(vec![json!({"status": 503}); 9])).await?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    let dead = holds(&stack, &letters, "1").await;
    set_policy(&stack, &jobs, &policy).await?;
    dead?;
    // Dropbox still has the file, and the job still exists.
    assert_eq!((plan.files().await?.len(), user.has_jobs().await?), (1, true));

    let plan = plan.answers(json!([])).await?;
    assert_eq!(redrive()?, "1 messages were sent again.\n");
    user.jobs_end().await?;
    assert_eq!(plan.files().await?.len(), 0);
    holds(&stack, &letters, "0").await
}

#[tokio::test]
async fn invalid_messages_become_dead_letters() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    try_join_all(
        [
            ("AnalysisJobs", "AnalysisDeadLetters"),
            ("EditJobs", "EditDeadLetters"),
            ("DropboxJobs", "DropboxDeadLetters"),
            ("DownloadJobs", "DownloadDeadLetters"),
            ("UploadRetries", "UploadDeadLetters"),
            ("StreamRetries", "StreamDeadLetters"),
            ("TierRecords", "TiersDeadLetters"),
            ("EventRetries", "EventDeadLetters"),
            ("WebhookJobs", "WebhookDeadLetters"),
            ("AccountJobs", "AccountDeadLetters"),
        ]
        .map(async |(queue, letters)| {
            let letters = stack.resource(letters).await?;
            stack.aws.purge_queue(&letters).await?;
            let impatient = Impatient::queue(&stack, queue).await?;
            stack.aws.send_message(&impatient.queue, &json!("poison")).await?;
            let dead = holds(&stack, &letters, "1").await;
            impatient.restore().await?;
            dead
        }),
    )
    .await
    .map(drop)
}

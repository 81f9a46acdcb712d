//! Dead letters, and `cargo xtask redrive`

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Plan, Stack, pictures, until};

use crate::TURN;

/// Runs `cargo xtask redrive` on the stack, and returns its output.
fn redrive() -> Result<String> {
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let outputs = env::var("DARKROOM_OUTPUTS").context("no stack")?;
    let dir = Path::new(&outputs).parent().context("no directory")?;
    let output = Command::new(xtask).arg("redrive").arg("--dir").arg(dir).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

async fn holds(stack: &Stack, queue: &str, letters: &str) -> Result<()> {
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
    // Other tests leave messages there.
    for queue in ["AnalysisDeadLetters", "EditDeadLetters", "DropboxDeadLetters", "UploadDeadLetters"] {
        let purge = json!({"QueueUrl": stack.resource(queue).await?});
        stack.aws.json("sqs", "AmazonSQS.PurgeQueue", &purge).await?;
    }
    let picture = pictures::png(64, 64)?;
    let id = user.upload_for_phone("+4915123456789", &plan.file_name(".png"), "image/png", picture).await?;
    user.mirrored(&id).await?;

    let policy = stack.aws.queue_attributes(&jobs).await?["RedrivePolicy"].take();
    let policy: Value = serde_json::from_str(policy.as_str().context("no redrive policy")?)?;
    let mut impatient = policy.clone();
    impatient["maxReceiveCount"] = json!(2);
    set_policy(&stack, &jobs, &impatient).await?;
    let plan = plan.answers(json!(vec![json!({"status": 503}); 9])).await?;
    user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
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
async fn poison_messages_end_among_the_dead_letters() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    try_join_all(
        [
            ("AnalysisJobs", "AnalysisDeadLetters"),
            ("EditJobs", "EditDeadLetters"),
            ("DropboxJobs", "DropboxDeadLetters"),
            ("UploadRetries", "UploadDeadLetters"),
        ]
        .map(async |(queue, letters)| {
            let (queue, letters) = tokio::try_join!(stack.resource(queue), stack.resource(letters))?;
            // Other tests leave messages there.
            stack.aws.json("sqs", "AmazonSQS.PurgeQueue", &json!({"QueueUrl": letters})).await?;
            let attributes = stack.aws.queue_attributes(&queue).await?;
            let policy = attributes["RedrivePolicy"].as_str().context("no redrive policy")?;
            let mut impatient: Value = serde_json::from_str(policy)?;
            impatient["maxReceiveCount"] = json!(2);
            let change = json!({"VisibilityTimeout": "1", "RedrivePolicy": impatient.to_string()});
            stack.aws.set_queue_attributes(&queue, &change).await?;
            stack.aws.send_message(&queue, &json!("poison")).await?;
            let dead = holds(&stack, &letters, "1").await;
            let restored =
                json!({"VisibilityTimeout": attributes["VisibilityTimeout"], "RedrivePolicy": policy});
            stack.aws.set_queue_attributes(&queue, &restored).await?;
            dead
        }),
    )
    .await
    .map(drop)
}

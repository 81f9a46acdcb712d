//! Workers that are killed in the middle of a call

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Plan, Receiver, Stack, Tier, User, events, id_of, pictures, until};

use crate::TURN;

/// Runs `work` while a function and its queue have short timeouts, so that another instance takes over within seconds.
pub(crate) async fn in_a_hurry<T>(
    stack: &Stack,
    (function, queue): (&str, &str),
    work: impl AsyncFnOnce() -> Result<T>,
) -> Result<T> {
    let (function, queue) = (stack.resource(function).await?, stack.resource(queue).await?);
    let timeout = stack.aws.function(&function).await?["Timeout"].take();
    let visibility = stack.aws.queue_attributes(&queue).await?["VisibilityTimeout"].take();
    stack.aws.set_timeout(&function, &json!(8)).await?;
    stack.aws.set_queue_attributes(&queue, &json!({"VisibilityTimeout": "10"})).await?;
    let outcome = work().await;
    stack.aws.set_queue_attributes(&queue, &json!({"VisibilityTimeout": visibility})).await?;
    stack.aws.set_timeout(&function, &timeout).await?;
    outcome
}

/// Kills the processes of a function's instances.
pub(crate) async fn kill(stack: &Stack, function: &str) -> Result<()> {
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={}", stack.resource(function).await?);
    let endpoint = format!("AWS_ENDPOINT_URL={}", stack.outputs.endpoint_url);
    let mut killed = 0;
    for process in fs::read_dir("/proc")? {
        let path = process?.path();
        // Processes of other users, and those that have just ended, cannot be read.
        let Ok(environment) = fs::read(path.join("environ")) else { continue };
        let has = |variable: &str| environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes());
        if has(&name) && has(&endpoint) {
            let pid = path.file_name().context("a process without a number")?;
            ensure!(Command::new("kill").arg("-KILL").arg(pid).status()?.success());
            killed += 1;
        }
    }
    ensure!(killed > 0, "{function} does not run");
    Ok(())
}

/// Kills the worker that made the first call of a plan, and requires that no other worker takes the job before the
/// lease expires.
async fn kill_in_mid_call(user: &User, plan: &Plan, function: &str, job: &str) -> Result<()> {
    kill(&user.stack, function).await?;
    let event = events::messages([("m", json!({"user": user.id, "job": job}).to_string())]);
    let early = user.stack.invoke(function, &event).await?.ok()?;
    ensure!(early == json!({"batchItemFailures": [{"itemIdentifier": "m"}]}), "{early}");
    let calls = plan.calls().await?.len();
    ensure!(calls == 1, "{calls} calls");
    Ok(())
}

async fn called(plan: &Plan) -> Result<()> {
    until("the call", async || Ok((plan.calls().await?.len() == 1).then_some(()))).await
}

#[tokio::test]
async fn the_analysis_of_a_worker_that_is_killed_is_taken_over() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    in_a_hurry(&stack, ("WorkersAnalyze", "AnalysisJobs"), async || {
        let plan = Plan::new()?.answers(json!([{"seconds": 4}])).await?;
        let ask = json!({"prompt": plan.prompt()});
        user.post(&format!("/api/images/{id}/analysis"), &ask).await?.expect(202)?;
        called(&plan).await?;
        let job = user.record(id).await?.context("no record")?["analysis"]["job"].take();
        kill_in_mid_call(&user, &plan, "WorkersAnalyze", job.as_str().context("no job")?).await?;
        ensure!(user.analysed(id).await?["analysis"]["status"] == "done");
        ensure!(plan.calls().await?.len() == 2);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_copy_of_a_worker_that_is_killed_is_made_by_another() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    in_a_hurry(&stack, ("WorkersDropbox", "DropboxJobs"), async || {
        // Dropbox has stored the file, but nobody receives the response.
        let plan = Plan::new()?.answers(json!([{"seconds": 4}])).await?;
        let (name, picture) = (plan.file_name(".png"), pictures::png(64, 64)?);
        let id = user.upload_for_phone("+4915123456789", &name, "image/png", picture.clone()).await?;
        called(&plan).await?;
        let job = user.record(&id).await?.context("no record")?["dropbox_copy"]["job"].take();
        kill_in_mid_call(&user, &plan, "WorkersDropbox", job.as_str().context("no job")?).await?;
        let image = user.mirrored(&id).await?;
        let link = image["dropbox_url"].as_str().with_context(|| format!("no link: {image}"))?;
        ensure!(stack.fetch(link).await?.expect(200)?.bytes == picture);
        ensure!(plan.files().await?.len() == 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_delivery_of_a_worker_that_is_killed_is_made_by_another() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    in_a_hurry(&stack, ("WorkersWebhook", "WebhookJobs"), async || {
        let receiver = Receiver::slow([204], Duration::from_secs(4)).await?;
        let webhook = user.post("/api/webhooks", &json!({"url": receiver.url})).await?.json(201)?;
        let path = format!("/api/webhooks/{}", id_of(&webhook)?);
        user.post_empty(&format!("{path}/test")).await?.expect(202)?;
        receiver.receives(1).await?;
        // The receiver has the event, and nobody hears its answer.
        kill(&stack, "WorkersWebhook").await?;
        let delivery = until("the delivery", async || {
            let mut page = user.get(&format!("{path}/deliveries")).await?.json(200)?;
            // The stream records a delivery a moment after the change.
            let delivery = page["deliveries"].get_mut(0).map(Value::take);
            Ok(delivery.filter(|delivery| delivery["status"] == "delivered"))
        })
        .await?;
        let received = receiver.received();
        ensure!(received.len() == 2 && received[0].body == received[1].body, "{received:?}");
        // The attempt of the killed worker does not count.
        ensure!(delivery["attempts"] == 1, "{delivery}");
        Ok(())
    })
    .await
}

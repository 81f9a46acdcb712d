//! Jobs: repeated messages, invalid messages, and failures of a provider

use std::time::Instant;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, events, id_of, pictures, until};

/// Far in the future, so that delivery by the stream does not start the job.
const NEVER: i64 = 9_999_999_999;

async fn ready(user: &User) -> Result<String> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    Ok(id_of(&image)?.to_owned())
}

/// Analyzes a picture with a provider that responds as planned, and returns the analysis.
async fn analysed(plan: &Plan) -> Result<Value> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let ask = json!({"prompt": plan.prompt()});
    user.post(&format!("/api/images/{id}/analysis"), &ask).await?.expect(202)?;
    Ok(user.analysed(&id).await?["analysis"].take())
}

fn gap(calls: &[Value], n: usize) -> f64 {
    let time = |n: usize| calls[n]["time"].as_f64().unwrap_or_default();
    time(n) - time(n - 1)
}

#[tokio::test]
async fn only_invalid_messages_of_a_batch_are_retried() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    // Messages of ended jobs do not fail the batch.
    let message = |job: &str| json!({"user": user.id, "job": job}).to_string();
    let batch = [
        ("first", message("01JZ0000000000000000000000")),
        ("poison", "not JSON".to_owned()),
        ("foreign", r#"{"user": "../x", "job": "01JZ0000000000000000000001"}"#.to_owned()),
        ("last", message("01JZ0000000000000000000002")),
    ];
    let answer = stack.invoke("WorkersAnalyze", &events::messages(batch)).await?.ok()?;
    let poison = json!([{"itemIdentifier": "poison"}, {"itemIdentifier": "foreign"}]);
    assert_eq!(answer, json!({"batchItemFailures": poison}));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn two_hundred_jobs_delivered_twice_make_two_hundred_calls() -> Result<()> {
    const JOBS: usize = 200;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (plan, first) = (Plan::new()?, ready(&user).await?);
    let record = user.record(&first).await?.context("no record")?;
    let derived = &stack.outputs.derived_bucket;
    let thumbnail = stack.aws.object(derived, &format!("{}/1200.jpg", user.key(&first))).await?;
    let thumbnail = thumbnail.context("no thumbnail")?.bytes;
    let queue = stack.resource("AnalysisJobs").await?;
    let ids: Vec<String> = (0..JOBS).map(|n| format!("{}{n:06}", &first[..20])).collect();
    for some in ids.chunks(20) {
        try_join_all(some.iter().map(async |id| {
            let mut copy = record.clone();
            (copy["sk"], copy["id"]) = (json!(format!("IMAGE#{id}")), json!(id));
            stack.aws.put_item(&stack.outputs.table, &copy).await?;
            let key = format!("{}/1200.jpg", user.key(id));
            stack.aws.put_object(derived, &key, thumbnail.clone()).await?;
            // Delivered by the table's stream, and once more.
            let message = user.put_analysis_job(id, &plan.prompt(), 0).await?;
            stack.aws.send_message(&queue, &message).await
        }))
        .await?;
    }
    for some in (20..=JOBS).step_by(20) {
        until(&format!("{some} jobs"), async || Ok((plan.calls().await?.len() >= some).then_some(())))
            .await?;
    }
    for id in &ids {
        assert_eq!(user.analysed(id).await?["analysis"]["status"], "done");
    }
    assert_eq!(plan.calls().await?.len(), JOBS);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn the_same_job_delivered_twice_at_once_and_later_is_paid_for_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (plan, id) = (Plan::new()?.answers(json!([{"seconds": 1}])).await?, ready(&user).await?);
    // Delivery by the stream is the third.
    let message = user.put_analysis_job(&id, &plan.prompt(), 0).await?.to_string();
    let event = events::messages([("m", message)]);
    let (first, second) =
        tokio::try_join!(stack.invoke("WorkersAnalyze", &event), stack.invoke("WorkersAnalyze", &event))?;
    // Only the first one gets the claim. The others must be retried, unless the first has already ended.
    let come_back = json!([{"itemIdentifier": "m"}]);
    for answer in [first.ok()?, second.ok()?] {
        let failures = &answer["batchItemFailures"];
        assert!(*failures == json!([]) || *failures == come_back, "{answer}");
    }
    assert_eq!(user.analysed(&id).await?["analysis"]["status"], "done");
    let later = stack.invoke("WorkersAnalyze", &event).await?.ok()?;
    assert_eq!(later, json!({"batchItemFailures": []}));
    assert_eq!(plan.calls().await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn a_job_waits_as_long_as_the_provider_asks() -> Result<()> {
    let plan = Plan::new()?.answers(json!([{"status": 429, "retry_after": 4}, {"status": 503}])).await?;
    let analysis = analysed(&plan).await?;
    assert_eq!(analysis["status"], "done", "{analysis}");
    let calls = plan.calls().await?;
    assert_eq!(calls.len(), 3);
    assert!(gap(&calls, 1) >= 4.0 && gap(&calls, 2) >= 1.0, "{calls:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn a_provider_that_only_fails_is_given_up_and_the_owner_is_told_why() -> Result<()> {
    let cases = [
        (json!({"status": 429, "retry_after": 1}), "provider-busy"),
        (json!({"status": 500}), "provider-unavailable"),
        (json!({"garbage": "<html>oops"}), "provider-answer-invalid"),
        (json!({"megabytes": 50}), "provider-answer-too-large"),
        (json!({"seconds": 30}), "provider-timeout"),
        (json!({"status": 401}), "provider-credentials"),
    ];
    try_join_all(cases.into_iter().map(async |(step, code)| {
        let start = Instant::now();
        let plan = Plan::new()?.answers(json!(vec![step; 9])).await?;
        let analysis = analysed(&plan).await?;
        assert_eq!((&analysis["status"], &analysis["failure"]["code"]), (&json!("failed"), &json!(code)));
        assert!(analysis["failure"]["detail"].is_string() && analysis["completed_at"].is_string());
        assert_eq!(plan.calls().await?.len(), 5, "{code} after {:?}", start.elapsed());
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn what_the_provider_refuses_is_not_asked_again() -> Result<()> {
    let plan = Plan::new()?.answers(json!([{"status": 400, "code": "content_policy_violation"}])).await?;
    let analysis = analysed(&plan).await?;
    assert_eq!(analysis["failure"]["code"], "provider-refused");
    assert_eq!(plan.calls().await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn a_job_whose_workers_all_crashed_ends_and_its_owner_is_told() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (plan, id) = (Plan::new()?, ready(&user).await?);
    let message = user.put_analysis_job(&id, &plan.prompt(), NEVER).await?.to_string();
    let crashed = json!({":lease": {"owner": "gone", "until": 1}, ":attempts": 5});
    user.change_job(&id, "SET lease = :lease, attempts = :attempts REMOVE not_before", crashed).await?;
    stack.invoke("WorkersAnalyze", &events::messages([("m", message)])).await?.ok()?;
    let analysis = user.analysed(&id).await?["analysis"].take();
    assert_eq!((&analysis["status"], &analysis["failure"]["code"]), (&json!("failed"), &json!("gave-up")));
    assert_eq!(plan.calls().await?.len(), 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn nothing_is_paid_for_an_image_that_is_gone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (plan, id) = (Plan::new()?, ready(&user).await?);
    let message = user.put_analysis_job(&id, &plan.prompt(), NEVER).await?.to_string();
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.change_job(&id, "REMOVE not_before", json!({})).await?;
    stack.invoke("WorkersAnalyze", &events::messages([("m", message)])).await?.ok()?;
    until("the job to end", async || Ok((!user.has_jobs().await?).then_some(()))).await?;
    assert_eq!(plan.calls().await?.len(), 0);
    Ok(())
}

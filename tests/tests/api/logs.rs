//! What the functions log: one upload followed by one id (`cargo xtask trace`), and the metrics of the dashboard

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, id_of, pictures, until};

/// The lines that `cargo xtask trace` prints.
fn trace(id: &str) -> Result<Vec<String>> {
    let xtask = env::var("DARKROOM_XTASK").context("use `cargo xtask test`, which says where xtask is")?;
    let outputs = env::var("DARKROOM_OUTPUTS").context("no stack")?;
    let dir = Path::new(&outputs).parent().context("no directory")?;
    let output = Command::new(xtask).args(["trace", id, "--dir"]).arg(dir).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// Waits until the trace of an id has these parts in this order: the function and the begin of its message.
async fn is_traced(id: &str, parts: &[(&str, &str)]) -> Result<Vec<String>> {
    until(&format!("the trace of {id} to have {parts:?}"), async || {
        let lines = trace(id)?;
        let mut rest = lines.iter();
        let has = |line: &String, (function, message): &(&str, &str)| {
            line.contains(&format!("  {function} ")) && line.contains(message)
        };
        let is_complete = parts.iter().all(|part| rest.any(|line| has(line, part)));
        Ok(is_complete.then_some(lines))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the logs with cargo xtask trace"]
async fn an_upload_is_followed_through_all_logs_by_one_id() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (image, other) = tokio::try_join!(
        user.upload_and_develop("image/png", pictures::png(64, 64)?),
        user.upload_and_develop("image/png", pictures::png(64, 64)?),
    )?;
    let id = id_of(&image)?;
    let upload =
        [("ImagesCreate", "uploads requested"), ("WorkersThumbnail", "image state saved ImagesReady=1")];
    let lines = is_traced(id, &upload).await?;
    // The other upload has its own trace.
    assert!(lines.iter().all(|line| !line.contains(id_of(&other).unwrap_or_default())), "{lines:#?}");

    user.get(&format!("/api/images/{id}/rendition?width=10&quality=101"))
        .await?
        .problem(400, "invalid-field")?;
    is_traced(id, &[("WorkersThumbnail", "image state saved"), ("ImagesRendition", "request refused")])
        .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_is_followed_from_the_request_to_its_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let source = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let prompt = json!({"prompt": Plan::new()?.prompt()});
    let edits = format!("/api/images/{}/edits", id_of(&source)?);
    let edit = user.post(&edits, &prompt).await?.json(202)?["image"].take();
    let id = id_of(&edit)?;
    user.developed(id).await?;
    let parts = [
        ("ImagesEdits", "edit requested"),
        ("WorkersStream", "sent a job to its queue"),
        ("WorkersEdit", "AI provider called"),
        ("WorkersEdit", "job completed"),
        ("WorkersThumbnail", "image state saved"),
    ];
    is_traced(id, &parts).await.map(drop)
}

/// The metrics of the stack's own namespace that the dashboard shows.
fn shown() -> Result<BTreeSet<String>> {
    let template = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"))?;
    let (_, dashboard) = template.split_once("DashboardBody:").context("no dashboard")?;
    let after = |mark: &str| {
        let names = dashboard.split(mark).skip(1);
        names.filter_map(|rest| rest.split(['"', '\\']).next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = after("[\"Darkroom/${AWS::StackName}\", \"");
    Ok(plain.into_iter().chain(after("MetricName=\\\"")).collect())
}

/// The documents of the embedded metric format in the logs.
async fn documents(stack: &Stack) -> Result<Vec<Value>> {
    let mut documents = Vec::new();
    for group in ["ImagesLogs", "WorkersLogs"] {
        let lines = stack.aws.log_lines(&stack.resource(group).await?, "CloudWatchMetrics").await?;
        for line in lines {
            documents.push(serde_json::from_str(&line).with_context(|| line.clone())?);
        }
    }
    Ok(documents)
}

/// The names of the metrics that CloudWatch extracts from a document (Amazon CloudWatch User Guide, "Specification:
/// Embedded metric format"). Each metric is a number of the document, and each dimension a text.
fn extracted(document: &Value, namespace: &str) -> Result<Vec<String>> {
    let directive = &document["_aws"]["CloudWatchMetrics"][0];
    ensure!(document["_aws"]["Timestamp"].is_u64(), "no time: {document}");
    ensure!(directive["Namespace"] == namespace, "another namespace: {document}");
    for dimension in directive["Dimensions"][0].as_array().context("no dimensions")? {
        let name = dimension.as_str().context("a dimension without a name")?;
        ensure!(document[name].is_string(), "no value of {name}: {document}");
    }
    let metrics = directive["Metrics"].as_array().context("no metrics")?.iter().map(|metric| {
        let name = metric["Name"].as_str().context("a metric without a name")?;
        ensure!(document[name].is_number(), "no value of {name}: {document}");
        Ok(name.to_owned())
    });
    metrics.collect()
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn every_metric_of_the_dashboard_arrives() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE.with("max_images", 2)).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let broken = user.upload("image/png", b"no picture".to_vec()).await?;
    assert_eq!(user.developed(&broken).await?["status"], "failed");
    let refused = json!({"file_name": "a", "content_type": "image/png", "size": 1});
    user.post("/api/images", &refused).await?.problem(409, "quota-exceeded")?;
    let plan = Plan::new()?.answers(json!([{"status": 400}])).await?;
    let analysis = format!("/api/images/{}/analysis", id_of(&image)?);
    user.post(&analysis, &json!({"prompt": plan.prompt()})).await?.expect(202)?;
    user.jobs_end().await?;

    let (wanted, namespace) = (shown()?, format!("Darkroom/{}", stack.outputs.stack_name));
    assert!(wanted.len() > 7, "{wanted:?}");
    until(&format!("all of {wanted:?}"), async || {
        let mut arrived = BTreeSet::new();
        for document in documents(&stack).await? {
            arrived.extend(extracted(&document, &namespace)?);
        }
        Ok(wanted.is_subset(&arrived).then_some(()))
    })
    .await?;

    let documents = documents(&stack).await?;
    let of = |id: &str, metric: &str| {
        let mut of_image = documents.iter().filter(|document| document["correlation_id"] == id);
        of_image.find(|document| document[metric].is_number()).cloned().context(metric.to_owned())
    };
    let ready = of(id_of(&image)?, "TimeToReady")?;
    assert!(ready["TimeToReady"].as_u64().is_some_and(|time| time < 60_000), "{ready}");
    let failed = of(&broken, "ImagesFailed")?;
    let failure = user.image(&broken).await?["failure"]["code"].take();
    assert_eq!((&failed["ImagesFailed"], &failed["code"]), (&json!(1), &failure));
    let call = of(id_of(&image)?, "AiCalls")?;
    assert_eq!((&call["AiCallFailures"], &call["operation"]), (&json!(1), &json!("analyze")));
    let refusals = documents.iter().filter(|document| document["Refusals"].is_number());
    assert!(refusals.into_iter().any(|document| document["limit"] == "max_images"));
    Ok(())
}

//! What the alarms count: the logs of real requests, read by the metric filters of the deployed stack

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, events, id_of, pictures, unique};

use crate::{
    COGNITO, DYNAMODB, TURN, astray, image, nobody,
    proxy::{Fault, Proxy},
};

/// Whether a line matches a pattern. The emulator itself takes every line for a match. This follows the part of Amazon
/// CloudWatch Logs User Guide, "Filter pattern syntax", that the template uses.
fn matches(pattern: &str, line: &Value) -> bool {
    let comparisons = pattern.trim_matches(['{', '}', ' ']).split(" || ");
    comparisons.filter_map(|one| one.trim_matches(['(', ')', ' ']).split_once(" = ")).any(|(path, text)| {
        let found = line.pointer(&path.replace(['$', '.'], "/").replace("//", "/"));
        let text = text.trim_matches('"');
        found.and_then(Value::as_str).is_some_and(|found| match text.strip_suffix('*') {
            Some(start) => found.starts_with(start),
            None => found == text,
        })
    })
}

/// The patterns of the metrics that the stack makes from its logs, with their log groups.
async fn filters(stack: &Stack) -> Result<Vec<(String, String, String)>> {
    let found = stack.aws.json("logs", "Logs_20140328.DescribeMetricFilters", &json!({})).await?;
    let filters = found["metricFilters"].as_array().context("no filters")?.iter().map(|filter| {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not a text");
        let metric = text(&filter["metricTransformations"][0]["metricName"])?;
        Ok((metric, text(&filter["logGroupName"])?, text(&filter["filterPattern"])?))
    });
    filters.collect()
}

/// The lines that each metric counts since a time.
async fn counted(stack: &Stack, since: u128) -> Result<BTreeMap<String, Vec<Value>>> {
    let mut counted: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (metric, group, pattern) in filters(stack).await? {
        let ask = json!({"logGroupName": group, "startTime": since});
        let found = stack.aws.json("logs", "Logs_20140328.FilterLogEvents", &ask).await?;
        let lines = found["events"].as_array().into_iter().flatten();
        let lines = lines.filter_map(|event| serde_json::from_str(event["message"].as_str()?).ok());
        counted.entry(metric).or_default().extend(lines.filter(|line| matches(&pattern, line)));
    }
    Ok(counted)
}

/// The current time in milliseconds since 1970.
fn now() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())
}

#[tokio::test]
async fn the_api_counts_its_failures_and_none_of_its_refusals() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let status = format!("{}/status", image(&user).await?);
    let endpoint = &stack.outputs.endpoint_url;
    let since = now()?;

    let analyzed = json!({"file_name": "a", "content_type": "image/png", "size": 1, "analyze": true});
    astray(&stack, "ImagesCreate", ("AI_SECRET", ""), async || {
        user.post("/api/images", &analyzed).await?.problem(501, "ai-not-configured")
    })
    .await?;
    user.get("/api/images/01JZ0000000000000000000000").await?.problem(404, "not-found")?;
    let counted_lines = counted(&stack, since).await?;
    assert!(counted_lines.values().all(Vec::is_empty), "{counted_lines:?}");

    astray(&stack, "ImagesStatus", (DYNAMODB, &nobody().await?), async || {
        user.get(&status).await?.problem(503, "unavailable")
    })
    .await?;
    let new = json!({"username": unique("new"), "email": "new@example.com", "password": "Passw0rd1"});
    let proxy = Proxy::start(endpoint, "SignUp", Fault::COGNITO_SENDS_NO_MORE, usize::MAX).await?;
    astray(&stack, "AuthRegister", (COGNITO, &proxy.address), async || {
        stack.post("/api/auth/register", &new).await?.problem(503, "mail-limit-reached")
    })
    .await?;
    let admin = stack.admin().await?;
    let invited = json!({"username": unique("new"), "email": "new@example.com"});
    let proxy = Proxy::start(endpoint, "AdminCreateUser", Fault::COGNITO_SENDS_NO_MORE, usize::MAX).await?;
    astray(&stack, "AdminUsersCreate", (COGNITO, &proxy.address), async || {
        admin.post("/api/admin/users", &invited).await?.problem(503, "mail-limit-reached")
    })
    .await?;
    let lines = counted(&stack, since).await?;
    let counts: BTreeMap<String, usize> =
        lines.into_iter().map(|(name, lines)| (name, lines.len())).collect();
    let expected = [("ApiErrors", 0), ("ApiUnavailable", 1), ("MailLimit", 2), ("WorkersErrors", 0)];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());

    // The emulator writes no access log. The lines have the form that the template gives them.
    let filters = filters(&stack).await?;
    let (_, _, pattern) = filters.iter().find(|(name, _, _)| name == "ApiErrors").context("no ApiErrors")?;
    let counted = ["200", "404", "429", "500", "501", "502", "503", "504"]
        .map(|status| (status, matches(pattern, &json!({"route": "GET /api/images", "status": status}))));
    let failures: Vec<&str> = counted.iter().filter(|(_, is)| *is).map(|(status, _)| *status).collect();
    assert_eq!(failures, ["500", "502", "504"]);
    Ok(())
}

#[tokio::test]
async fn workers_count_what_an_operator_can_mend_and_no_retries() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let analysis = format!("/api/images/{}/analysis", id_of(&image)?);

    astray(&stack, "WorkersAnalyze", ("RETRY_SECONDS", "1"), async || {
        let since = now()?;
        // The provider is busy for a moment, then refuses the request.
        let plan = Plan::new()?.answers(json!([{"status": 429}, {"status": 400}])).await?;
        user.post(&analysis, &json!({"prompt": plan.prompt()})).await?.expect(202)?;
        let failed = user.analysed(id_of(&image)?).await?;
        assert_eq!(failed["analysis"]["failure"]["code"], "provider-refused", "{failed}");
        let lines = counted(&stack, since).await?.remove("WorkersErrors").context("no metric")?;
        assert!(lines.is_empty(), "{lines:?}");

        stack.invoke("WorkersAnalyze", &events::messages([("m", "no job".to_owned())])).await?.ok()?;
        let lines = counted(&stack, since).await?.remove("WorkersErrors").context("no metric")?;
        assert_eq!(lines.len(), 1, "{lines:?}");
        Ok(())
    })
    .await?;

    // What Lambda itself reports.
    let filters = filters(&stack).await?;
    let (_, _, pattern) = filters.iter().find(|(name, _, _)| name == "WorkersErrors").context("no filter")?;
    let report = |record: Value| matches(pattern, &json!({"type": "platform.report", "record": record}));
    assert!(report(json!({"status": "timeout"})));
    assert!(report(json!({"status": "error", "errorType": "Runtime.ExitError"})));
    assert!(!report(json!({"status": "success"})));
    Ok(())
}

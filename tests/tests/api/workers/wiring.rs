//! The deployed event sources of the workers: the events that each one receives, and the destinations of failed ones.
//!
//! The emulator supports only a part: its streams have no maximum of retries and no on-failure destination.
//! tests/faults tests the supported part.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::Stack;

/// The name of a queue, which is the last part of its address and of its ARN.
async fn queue_name(stack: &Stack, queue: &str) -> Result<String> {
    let url = stack.resource(queue).await?;
    Ok(url.rsplit('/').next().unwrap_or(&url).to_owned())
}

/// The only event source of a function that is a stream, or the only one that is a queue.
async fn source(stack: &Stack, function: &str, is_stream: bool) -> Result<Value> {
    let mut sources = stack.aws.event_sources(&stack.resource(function).await?).await?;
    let sources = sources["EventSourceMappings"].as_array_mut().context("no list")?;
    sources.retain(|source| {
        source["EventSourceArn"].as_str().is_some_and(|arn| arn.contains(":dynamodb:") == is_stream)
    });
    ensure!(sources.len() == 1, "{function} has {} such sources", sources.len());
    sources.pop().context("no source")
}

fn names(arn: &Value, queue: &str) -> bool {
    arn.as_str().is_some_and(|arn| arn.ends_with(&format!(":{queue}")))
}

#[tokio::test]
async fn an_upload_whose_attempts_are_used_up_goes_to_the_queue_of_retries() -> Result<()> {
    let stack = Stack::connect()?;
    let function = stack.resource("WorkersThumbnail").await?;
    let config = stack.aws.event_invoke_config(&function).await?;
    let queue = queue_name(&stack, "UploadRetries").await?;
    assert!(names(&config["DestinationConfig"]["OnFailure"]["Destination"], &queue), "{config}");
    assert_eq!(config["MaximumRetryAttempts"], 2, "{config}");
    Ok(())
}

#[tokio::test]
async fn what_a_worker_cannot_take_from_its_queue_goes_to_the_dead_letters() -> Result<()> {
    let stack = Stack::connect()?;
    for (function, queue, letters, times) in [
        ("WorkersAnalyze", "AnalysisJobs", "AnalysisDeadLetters", 20),
        ("WorkersEdit", "EditJobs", "EditDeadLetters", 20),
        ("WorkersDropbox", "DropboxJobs", "DropboxDeadLetters", 20),
        ("WorkersDownload", "DownloadJobs", "DownloadDeadLetters", 20),
        ("WorkersThumbnail", "UploadRetries", "UploadDeadLetters", 100),
        ("WorkersStream", "StreamRetries", "StreamDeadLetters", 100),
        ("WorkersTiers", "TierRecords", "TiersDeadLetters", 100),
        ("WorkersEvents", "EventRetries", "EventDeadLetters", 100),
        ("WorkersWebhook", "WebhookJobs", "WebhookDeadLetters", 100),
        ("WorkersDeleteAccount", "AccountJobs", "AccountDeadLetters", 100),
    ] {
        let source = source(&stack, function, false).await?;
        assert!(names(&source["EventSourceArn"], &queue_name(&stack, queue).await?), "{source}");
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{function}");
        let attributes = stack.aws.queue_attributes(&stack.resource(queue).await?).await?;
        let redrive =
            attributes["RedrivePolicy"].as_str().with_context(|| format!("{queue} has no redrive"))?;
        let redrive: Value = serde_json::from_str(redrive)?;
        assert!(names(&redrive["deadLetterTargetArn"], &queue_name(&stack, letters).await?), "{redrive}");
        // A message must not come back while the function works on it (AWS Lambda Developer Guide, "Creating and
        // configuring an Amazon SQS event source mapping"), and a dead letter must outlive its time in the queue.
        let timeout = stack.aws.function(&stack.resource(function).await?).await?["Timeout"].clone();
        let seconds =
            |attributes: &Value, name: &str| attributes[name].as_str().and_then(|text| text.parse().ok());
        let visibility: Option<u64> = seconds(&attributes, "VisibilityTimeout");
        assert!(visibility >= timeout.as_u64().map(|seconds| 6 * seconds), "{queue}: {visibility:?}");
        let dead = stack.aws.queue_attributes(&stack.resource(letters).await?).await?;
        let retention: [Option<u64>; 2] =
            [&attributes, &dead].map(|all| seconds(all, "MessageRetentionPeriod"));
        assert!(retention[0] < retention[1], "{queue}: {retention:?}");
        // CloudFormation may have converted the number to text.
        assert_eq!(redrive["maxReceiveCount"].to_string().trim_matches('"'), times.to_string(), "{queue}");
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_waits_for_days_and_a_few_are_developed_at_a_time() -> Result<()> {
    let stack = Stack::connect()?;
    let source = source(&stack, "WorkersThumbnail", false).await?;
    assert_eq!(
        (&source["BatchSize"], &source["ScalingConfig"]),
        (&json!(1), &json!({"MaximumConcurrency": 4}))
    );
    let retention = async |queue: &str| {
        let attributes = stack.aws.queue_attributes(&stack.resource(queue).await?).await?;
        let seconds = attributes["MessageRetentionPeriod"].as_str().context("no retention")?;
        anyhow::Ok(seconds.parse::<u64>()?)
    };
    // The four days of the attempts, and then more for the dead letters. SQS counts from when a message was first sent.
    assert!(retention("UploadRetries").await? > 5 * 24 * 60 * 60);
    assert!(retention("UploadDeadLetters").await? >= retention("UploadRetries").await? + 4 * 24 * 60 * 60);
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_delays_no_other_delivery() -> Result<()> {
    let stack = Stack::connect()?;
    let source = source(&stack, "WorkersWebhook", false).await?;
    assert_eq!(source["BatchSize"], 1);
    Ok(())
}

#[tokio::test]
async fn a_reader_of_the_stream_gets_its_records_alone_and_keeps_what_it_gives_up() -> Result<()> {
    let stack = Stack::connect()?;
    let removed = json!([
        {"prefix": "IMAGE#"}, {"prefix": "SET#"}, {"prefix": "REPLACEMENT#"}, {"prefix": "TRASH#"},
    ]);
    let reclaim = [
        json!({"eventName": ["REMOVE"], "dynamodb": {"Keys": {"sk": {"S": removed}}}}),
        json!({"eventName": ["REMOVE"], "dynamodb": {
            "Keys": {"sk": {"S": [{"prefix": "RECLAIMED#"}]}},
            "OldImage": {"late_file": {"BOOL": [true]}},
        }}),
        json!({"eventName": ["REMOVE"], "dynamodb": {
            "Keys": {"sk": {"S": ["PROFILE"]}},
            "OldImage": {"deleted": {"BOOL": [true]}},
        }}),
        json!({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "JOB#"}, "PROFILE"]}}}}),
        json!({"eventName": ["MODIFY"], "dynamodb": {"Keys": {"pk": {"S": ["TIER"]}}}}),
    ];
    let image = json!({"sk": {"S": [{"prefix": "IMAGE#"}]}});
    let not_processing = json!({"status": {"S": [{"anything-but": ["processing"]}]}});
    let processing = json!({"status": {"S": ["processing"]}});
    let told = [
        json!({"eventName": ["INSERT", "REMOVE"], "dynamodb": {"Keys": image}}),
        json!({"eventName": ["MODIFY"], "dynamodb": {"Keys": image, "NewImage": not_processing}}),
        json!({"eventName": ["MODIFY"], "dynamodb": {"Keys": image, "OldImage": processing}}),
        json!({"dynamodb": {"Keys": {"sk": {"S": ["PROFILE"]}}, "NewImage": {"deleted": {"BOOL": [true]}}}}),
        json!({"eventName": ["MODIFY"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "WEBHOOK#"}]}}}}),
    ];
    for (function, filters, letters, batch) in [
        ("WorkersStream", &reclaim[..], "StreamDeadLetters", 200),
        ("WorkersEvents", &told[..], "EventDeadLetters", 50),
    ] {
        let source = source(&stack, function, true).await?;
        let stream = format!(":table/{}/stream/", stack.outputs.table);
        assert!(source["EventSourceArn"].as_str().is_some_and(|arn| arn.contains(&stream)), "{source}");
        let patterns = source["FilterCriteria"]["Filters"].as_array().into_iter().flatten();
        let patterns = patterns.filter_map(|filter| filter["Pattern"].as_str());
        let patterns = patterns.map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let texts = |values: &[Value]| values.iter().map(Value::to_string).collect::<BTreeSet<_>>();
        assert_eq!(texts(&patterns), texts(filters), "{function}");
        let letters = queue_name(&stack, letters).await?;
        assert!(names(&source["DestinationConfig"]["OnFailure"]["Destination"], &letters), "{source}");
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{function}");
        assert_eq!(source["StartingPosition"], "TRIM_HORIZON", "{function}");
        assert_eq!(source["BatchSize"], batch, "{function}");
        assert_eq!(source["ParallelizationFactor"], 4, "{function}");
        assert_eq!(source["MaximumRetryAttempts"], -1, "{function}");
        assert_eq!(source["MaximumRecordAgeInSeconds"], 43200, "{function}");
        assert_eq!(source["BisectBatchOnFunctionError"], true, "{function}");
    }
    Ok(())
}

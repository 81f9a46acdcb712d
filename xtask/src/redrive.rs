//! Moves dead letters back to their queues.

mod position;

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

/// The dead-letter queues, each with its queue, by their names in template.yaml.
pub(crate) const QUEUES: [(&str, &str); 10] = [
    ("AnalysisDeadLetters", "AnalysisJobs"),
    ("EditDeadLetters", "EditJobs"),
    ("DropboxDeadLetters", "DropboxJobs"),
    ("DownloadDeadLetters", "DownloadJobs"),
    ("UploadDeadLetters", "UploadRetries"),
    ("StreamDeadLetters", "StreamRetries"),
    ("TiersDeadLetters", "TierRecords"),
    ("EventDeadLetters", "EventRetries"),
    ("WebhookDeadLetters", "WebhookJobs"),
    ("AccountDeadLetters", "AccountJobs"),
];

/// What a redrive did.
pub(crate) struct Redriven {
    /// The number of messages that were sent.
    pub(crate) sent: usize,
    /// The dead letters that stay, each with the reason.
    pub(crate) kept: Vec<String>,
}

/// Moves all dead letters of a stack back to their queues. A worker ignores a job that has
/// ended and an upload that was developed, and repeating the work
/// for a stream record changes nothing. An event that is told again has the same id.
pub(crate) fn run(aws: &mut Aws, stack: &str) -> Result<Redriven> {
    let mut redriven = Redriven { sent: 0, kept: Vec::new() };
    for (dead, alive) in QUEUES {
        let (from, to) = (url(aws, stack, dead)?, url(aws, stack, alive)?);
        // A letter that stays comes back after its visibility timeout.
        let mut seen = HashSet::new();
        loop {
            let receive = json!({"QueueUrl": from, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
            let batch = aws.call("sqs", "receive_message", receive)?;
            let messages = batch["Messages"].as_array().into_iter().flatten();
            let new: Vec<&Value> =
                messages.filter(|message| seen.insert(message["MessageId"].to_string())).collect();
            if new.is_empty() {
                break;
            }
            for message in new {
                let body = message["Body"].as_str().context("a message without a body")?;
                let bodies = match position::of(body) {
                    None => vec![body.to_owned()],
                    Some(position) => match position.records(aws) {
                        Ok(records) => records.iter().map(Value::to_string).collect(),
                        Err(error) => {
                            redriven.kept.push(format!("{dead}: {error:#}"));
                            continue;
                        }
                    },
                };
                for body in bodies {
                    aws.call("sqs", "send_message", json!({"QueueUrl": to, "MessageBody": body}))?;
                    redriven.sent += 1;
                }
                let delete = json!({"QueueUrl": from, "ReceiptHandle": message["ReceiptHandle"]});
                aws.call("sqs", "delete_message", delete)?;
            }
        }
    }
    Ok(redriven)
}

fn url(aws: &mut Aws, stack: &str, resource: &str) -> Result<String> {
    let parameters = json!({"StackName": stack, "LogicalResourceId": resource});
    let answer = aws.call("cloudformation", "describe_stack_resource", parameters)?;
    let id = answer["StackResourceDetail"]["PhysicalResourceId"].as_str();
    id.map(str::to_owned).with_context(|| format!("the stack {stack} has no {resource}"))
}

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

/// Moves all dead letters of a stack back to their queues. A worker ignores a job that has ended and an upload that was
/// developed, and repeating the work for a stream record changes nothing. An event that is published again has the same
/// id.
pub(crate) fn run(aws: &mut Aws, stack: &str) -> Result<Redriven> {
    let mut redriven = Redriven { sent: 0, kept: Vec::new() };
    for (dead, alive) in QUEUES {
        let (from, to) = (url(aws, stack, dead)?, url(aws, stack, alive)?);
        // A letter that stays comes back after its visibility timeout.
        let mut seen = HashSet::new();
        loop {
            let batch = aws.call("sqs", "receive_message", receive(&from))?;
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
                    aws.call("sqs", "send_message", send(&to, &body, message))?;
                    redriven.sent += 1;
                }
                let delete = json!({"QueueUrl": from, "ReceiptHandle": message["ReceiptHandle"]});
                aws.call("sqs", "delete_message", delete)?;
            }
        }
    }
    Ok(redriven)
}

/// The request for some letters of a queue, each with the group of its message.
fn receive(queue: &str) -> Value {
    json!({
        "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1,
        "MessageSystemAttributeNames": ["MessageGroupId"],
    })
}

/// The request that sends a message of a dead letter to a queue. The messages of a user stay a group (`JobMessage` in
/// functions/workers/src/dispatch.rs).
fn send(queue: &str, body: &str, letter: &Value) -> Value {
    let mut request = json!({"QueueUrl": queue, "MessageBody": body});
    if let Some(group) = letter["Attributes"].get("MessageGroupId") {
        request["MessageGroupId"] = group.clone();
    }
    request
}

fn url(aws: &mut Aws, stack: &str, resource: &str) -> Result<String> {
    let parameters = json!({"StackName": stack, "LogicalResourceId": resource});
    let answer = aws.call("cloudformation", "describe_stack_resource", parameters)?;
    let id = answer["StackResourceDetail"]["PhysicalResourceId"].as_str();
    id.map(str::to_owned).with_context(|| format!("the stack {stack} has no {resource}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_in_its_group() {
        let asked = &receive("dead")["MessageSystemAttributeNames"];
        assert_eq!(asked, &json!(["MessageGroupId"]));
        let letter = json!({"Body": "job", "Attributes": {"MessageGroupId": "ann"}});
        let sent = json!({"QueueUrl": "alive", "MessageBody": "job", "MessageGroupId": "ann"});
        assert_eq!(send("alive", "job", &letter), sent);
        // Only jobs have a group.
        let sent = json!({"QueueUrl": "alive", "MessageBody": "record"});
        assert_eq!(send("alive", "record", &json!({"Body": "record"})), sent);
    }
}

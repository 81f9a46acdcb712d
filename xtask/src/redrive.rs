//! Moves dead letters back to their queues.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

/// The dead-letter queues of jobs and uploads, each with its queue, by their names in template.yaml.
pub(crate) const QUEUES: [(&str, &str); 4] = [
    ("AnalysisDeadLetters", "AnalysisJobs"),
    ("EditDeadLetters", "EditJobs"),
    ("DropboxDeadLetters", "DropboxJobs"),
    ("UploadDeadLetters", "UploadRetries"),
];

/// Moves all dead letters of a stack's jobs and uploads back to their queues, and returns their number. A worker ignores a
/// job that has ended and an upload that was developed.
pub(crate) fn run(aws: &mut Aws, stack: &str) -> Result<usize> {
    let mut count = 0;
    for (dead, alive) in QUEUES {
        let (from, to) = (url(aws, stack, dead)?, url(aws, stack, alive)?);
        loop {
            let receive = json!({"QueueUrl": from, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
            let batch = aws.call("sqs", "receive_message", receive)?;
            let messages: Vec<&Value> = batch["Messages"].as_array().into_iter().flatten().collect();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let send = json!({"QueueUrl": to, "MessageBody": message["Body"]});
                aws.call("sqs", "send_message", send)?;
                let delete = json!({"QueueUrl": from, "ReceiptHandle": message["ReceiptHandle"]});
                aws.call("sqs", "delete_message", delete)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn url(aws: &mut Aws, stack: &str, resource: &str) -> Result<String> {
    let parameters = json!({"StackName": stack, "LogicalResourceId": resource});
    let answer = aws.call("cloudformation", "describe_stack_resource", parameters)?;
    let id = answer["StackResourceDetail"]["PhysicalResourceId"].as_str();
    id.map(str::to_owned).with_context(|| format!("the stack {stack} has no {resource}"))
}

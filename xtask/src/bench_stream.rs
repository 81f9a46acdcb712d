//! Measures how many removals of images `workers-stream` processes in a second. The emulator sends it one batch after the
//! other, as Lambda does for one shard with a parallelization factor of 1.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::stack::Stack;

/// The maximum of one request (BatchWriteItem).
const BATCH: usize = 25;
const PATIENCE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(50);

/// The images that are removed.
struct Removals {
    name: &'static str,
    /// How many users have removed them.
    users: usize,
    /// Whether the images have files.
    have_files: bool,
}

/// Measures removals on a running local stack, and prints a table.
pub(crate) fn run(stack: &Stack, images: usize) -> Result<()> {
    let emulator = stack.running().context("no stack is running")?;
    let (mut aws, outputs) = (Aws::local(&emulator)?, stack.outputs()?);
    let source = source(&mut aws, &outputs.stack_name)?;
    println!("| images | removals | seconds | removals a second |");
    println!("| --- | ---: | ---: | ---: |");
    for removals in [
        Removals { name: "never uploaded, of one user", users: 1, have_files: false },
        Removals { name: "never uploaded, each of another user", users: images, have_files: false },
        Removals { name: "with a thumbnail, of one user", users: 1, have_files: true },
    ] {
        let case = new_case();
        let users: Vec<String> =
            (0..removals.users).map(|user| format!("bench-{}", id(case, user))).collect();
        enable(&mut aws, &source, false)?;
        write(&mut aws, &outputs.table, case, &users, images, removals.have_files)?;
        if removals.have_files {
            put_files(&mut aws, &outputs.derived_bucket, case, &users[0], images)?;
        }
        let start = Instant::now();
        enable(&mut aws, &source, true)?;
        // The last user's record is in the last batch. Reading the profiles of all users would take longer.
        let last = users.last().context("no users")?;
        wait(&mut aws, &outputs.table, last, start)?;
        let seconds = start.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is printed")]
        let rate = images as f64 / seconds;
        println!("| {} | {images} | {seconds:.1} | {rate:.0} |", removals.name);
    }
    Ok(())
}

/// The mapping between the stream and `workers-stream`.
fn source(aws: &mut Aws, stack: &str) -> Result<String> {
    let parameters = json!({"StackName": stack, "LogicalResourceId": "WorkersStream"});
    let answer = aws.call("cloudformation", "describe_stack_resource", parameters)?;
    let function = &answer["StackResourceDetail"]["PhysicalResourceId"];
    let sources = aws.call("lambda", "list_event_source_mappings", json!({"FunctionName": function}))?;
    let mut sources = sources["EventSourceMappings"].as_array().into_iter().flatten();
    let is_stream =
        |source: &&Value| source["EventSourceArn"].as_str().is_some_and(|arn| arn.contains("/stream/"));
    let id = sources.find(is_stream).and_then(|source| source["UUID"].as_str());
    id.map(str::to_owned).context("WorkersStream does not read the stream")
}

fn enable(aws: &mut Aws, source: &str, enabled: bool) -> Result<()> {
    aws.call("lambda", "update_event_source_mapping", json!({"UUID": source, "Enabled": enabled})).map(drop)
}

/// Writes profiles and images, and deletes the images.
fn write(
    aws: &mut Aws,
    table: &str,
    case: u128,
    users: &[String],
    images: usize,
    have_files: bool,
) -> Result<()> {
    let each = images / users.len();
    let tier = json!({"pk": {"S": "TIER"}, "sk": {"S": "TIER#basic"}});
    let limits = aws.call("dynamodb", "get_item", json!({"TableName": table, "Key": tier}))?["Item"].take();
    let profiles = users.iter().map(|user| {
        json!({"PutRequest": {"Item": {
            "pk": {"S": format!("USER#{user}")}, "sk": {"S": "PROFILE"}, "images": {"N": each.to_string()},
            "bytes": {"N": (each * 10).to_string()}, "tier": {"S": "basic"}, "limits": {"M": limits},
        }}})
    });
    batches(aws, table, profiles.collect())?;
    let keys: Vec<(String, String)> =
        (0..images).map(|image| (format!("USER#{}", users[image % users.len()]), id(case, image))).collect();
    let items = keys.iter().map(|(pk, id)| json!({"PutRequest": {"Item": item(pk, id, have_files)}}));
    batches(aws, table, items.collect())?;
    let deletes = keys.iter().map(
        |(pk, id)| json!({"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": format!("IMAGE#{id}")}}}}),
    );
    batches(aws, table, deletes.collect())
}

fn item(pk: &str, id: &str, is_ready: bool) -> Value {
    let time = json!({"S": "2026-03-12T19:03:50Z"});
    let mut item = json!({
        "pk": {"S": pk}, "sk": {"S": format!("IMAGE#{id}")}, "id": {"S": id}, "file_name": {"S": "cat.png"},
        "content_type": {"S": "image/png"}, "size": {"N": "10"}, "version": {"N": "1"},
        "status": {"S": if is_ready { "ready" } else { "pending" }}, "created_at": time, "updated_at": time,
    });
    if is_ready {
        item["sequencer"] = json!({"S": "01"});
    }
    item
}

fn batches(aws: &mut Aws, table: &str, requests: Vec<Value>) -> Result<()> {
    for some in requests.chunks(BATCH) {
        aws.call("dynamodb", "batch_write_item", json!({"RequestItems": {table: some}}))?;
    }
    Ok(())
}

/// Stores a thumbnail of each image. An original would start `workers-thumbnail`.
fn put_files(aws: &mut Aws, bucket: &str, case: u128, user: &str, images: usize) -> Result<()> {
    for image in 0..images {
        let key = format!("{user}/{}/1/200.jpg", id(case, image));
        aws.call("s3", "put_object", json!({"Bucket": bucket, "Key": key, "Body": "x"}))?;
    }
    Ok(())
}

/// Waits until the usage of a user is 0.
fn wait(aws: &mut Aws, table: &str, user: &str, start: Instant) -> Result<()> {
    let key = json!({"pk": {"S": format!("USER#{user}")}, "sk": {"S": "PROFILE"}});
    loop {
        let get = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        if aws.call("dynamodb", "get_item", get)?["Item"]["images"]["N"] == "0" {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "workers-stream does not finish; is a batch failing?");
        sleep(POLL);
    }
}

/// A number that no other case and no other run uses.
fn new_case() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

/// An id: 26 characters of Crockford's base 32.
fn id(case: u128, number: usize) -> String {
    format!("{:026}", case * 1_000_000 + number as u128)
}

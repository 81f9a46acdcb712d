//! Whole flows on a local stack, such as an upload from the first request until its picture is ready: see
//! `xtask/bench/cost_flows.py` and `xtask/src/python/meter.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::prices::PriceList;
use crate::aws::Aws;
use crate::providers::Providers;
use crate::stack::Binaries;
use crate::venv::PILLOW;
use crate::{command, own_stack, project};

/// The function that clients ask whether a picture is ready. How often depends on the client, so it is assumed.
const STATUS: &str = "ImagesStatus";
/// The function that checks tokens. The API keeps its answers for a while, so how often it runs is assumed.
pub(super) const AUTHORIZER: &str = "KeysAuthorizer";
/// The flow in which each token is new, so that the authorizer checks it. The other flows are without the authorizer.
const AUTHORIZATION: &str = "authorization";

/// The function that waits for the receivers of webhooks.
const WEBHOOK: &str = "WorkersWebhook";

/// What was measured.
#[derive(Serialize, Deserialize)]
pub(super) struct Flows {
    /// The build of the functions: `release` or `local`.
    pub(super) build: String,
    /// The size of the picture that was uploaded.
    pub(super) upload_bytes: u64,
    pub(super) flows: Vec<Flow>,
}

/// Some repetitions of a flow.
#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    #[serde(rename = "flow")]
    pub(super) name: String,
    pub(super) times: f64,
    /// Requests to the API.
    pub(super) requests: f64,
    pub(super) received: f64,
    pub(super) calls: Vec<Call>,
    pub(super) invocations: BTreeMap<String, Invocations>,
}

/// Calls of one kind to AWS.
#[derive(Serialize, Deserialize)]
pub(super) struct Call {
    /// The function that makes the calls. Empty for a client.
    pub(super) function: String,
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) count: f64,
    #[serde(default)]
    pub(super) reads: f64,
    #[serde(default)]
    pub(super) writes: f64,
    #[serde(default)]
    pub(super) entries: f64,
    #[serde(default)]
    pub(super) sent: f64,
    #[serde(default)]
    pub(super) received: f64,
    /// The part of the units that each index costs, as `index <name>`.
    #[serde(flatten)]
    pub(super) indexes: BTreeMap<String, f64>,
}

/// How much of each thing in the price list a flow needs.
pub(super) type Amounts = BTreeMap<&'static str, f64>;

/// The invocations of a function.
#[derive(Serialize, Deserialize)]
pub(super) struct Invocations {
    pub(super) count: f64,
    /// Of a function that reads the table's stream: the records. Of another one: the invocations.
    pub(super) records: f64,
    pub(super) cpu_ms: f64,
    pub(super) memory_mb: f64,
    pub(super) log_bytes: f64,
    pub(super) log_lines: f64,
    #[serde(default)]
    pub(super) errors: f64,
}

/// The file with what was measured.
pub(super) fn file() -> PathBuf {
    project::root().join("xtask/cost/flows.json")
}

/// Measures the flows on a new stack, and stores what was measured.
pub(super) fn measure(binaries: Binaries, uploads: u32) -> Result<()> {
    PILLOW.ensure()?;
    let json = project::target().join("cost-flows.json");
    own_stack::with_binaries(binaries, &Providers::default(), |stack, emulator, _| {
        deliver_records_alone(&mut Aws::local(emulator)?)?;
        command::step("measuring the flows", || {
            let mut bench = Command::new(PILLOW.bin("python"));
            bench.arg(project::root().join("xtask/bench/cost_flows.py")).arg(stack.outputs_file()).arg(&json);
            command::run(command::without_proxy(bench.arg(uploads.to_string())))
        })
    })?;
    let mut flows: serde_json::Value = serde_json::from_slice(&fs::read(&json)?)?;
    flows["build"] = if binaries == Binaries::Release { "release" } else { "local" }.into();
    Ok(fs::write(file(), serde_json::to_string_pretty(&flows)? + "\n")?)
}

/// Makes batches of one record, as Lambda has with little traffic. Otherwise the batches of a busy machine would show how
/// little a function needs for many records.
fn deliver_records_alone(aws: &mut Aws) -> Result<()> {
    let mappings = aws.call("lambda", "list_event_source_mappings", json!({}))?;
    let of_streams =
        |mapping: &&Value| mapping["EventSourceArn"].as_str().is_some_and(|arn| arn.contains(":dynamodb:"));
    for mapping in mappings["EventSourceMappings"].as_array().into_iter().flatten().filter(of_streams) {
        let change = json!({"UUID": mapping["UUID"], "BatchSize": 1});
        aws.call("lambda", "update_event_source_mapping", change)?;
    }
    Ok(())
}

impl Flows {
    pub(super) fn named(&self, name: &str) -> Result<&Flow> {
        let found = self.flows.iter().find(|flow| flow.name == name);
        found.with_context(|| {
            format!(
                "xtask/cost/flows.json lacks {name:?}; run `cargo xtask cost --measure`, which takes minutes"
            )
        })
    }

    /// The flow with what the authorizer needs.
    pub(super) fn authorization(&self) -> Result<&Flow> {
        let flow = self.named(AUTHORIZATION)?;
        ensure!(
            flow.invocations.contains_key(AUTHORIZER),
            "{AUTHORIZATION} has no invocation of {AUTHORIZER}"
        );
        Ok(flow)
    }
}

impl Flow {
    /// The requests to the API in one repetition.
    pub(super) fn api_requests(&self, list: &PriceList) -> f64 {
        let polled = self.invocations.get(STATUS).map_or(0.0, |polls| polls.count);
        let polls = if polled > 0.0 { list.assumed("status_polls_for_each_upload") } else { 0.0 };
        (self.requests - polled) / self.times + polls
    }

    /// The invocations of a function in one repetition, for each of those that were measured.
    fn billed_for_each(&self, function: &str, list: &PriceList) -> f64 {
        let Some(measured) = self.invocations.get(function) else { return 1.0 / self.times };
        let billed = if function == STATUS {
            list.assumed("status_polls_for_each_upload")
        } else {
            // Lambda may deliver each record of the stream alone.
            measured.records / self.times
        };
        billed / measured.count
    }

    /// The invocations of a function in one repetition that AWS bills.
    pub(super) fn billed_invocations(&self, function: &str, list: &PriceList) -> f64 {
        let count = self.invocations.get(function).map_or(0.0, |measured| measured.count);
        self.billed_for_each(function, list) * count
    }

    /// The milliseconds that AWS bills for one invocation.
    pub(super) fn billed_ms(&self, function: &str, list: &PriceList) -> f64 {
        let Some(measured) = self.invocations.get(function) else { return 0.0 };
        let slowdown = (list.assumed("mb_for_a_processor") / measured.memory_mb).max(1.0);
        let (table, s3) = calls_in_sequence(&self.name, function);
        let receiver = if function == WEBHOOK { list.assumed("ms_for_a_receiver") } else { 0.0 };
        let waits = table * list.assumed("ms_for_each_call_in_sequence")
            + s3 * list.assumed("ms_for_each_s3_call_in_sequence")
            + receiver;
        (measured.cpu_ms / measured.count * slowdown + waits).ceil()
    }

    /// What one invocation of a function needs, without its calls.
    fn invocation(&self, function: &str, list: &PriceList) -> Amounts {
        let Some(measured) = self.invocations.get(function) else { return Amounts::new() };
        let seconds = self.billed_ms(function, list) / 1000.0;
        let lines = measured.log_bytes + measured.log_lines * list.assumed("line_overhead_bytes");
        // template.yaml: only workers write the lines of the platform.
        let platform = if function.starts_with("Workers") { list.assumed("platform_log_bytes") } else { 0.0 };
        BTreeMap::from([
            ("lambda_requests", 1.0),
            ("lambda_time", seconds * measured.memory_mb / 1024.0),
            ("logs", (lines / measured.count + platform) / 1e9),
            ("traces", list.assumed("traced_share")),
        ])
    }

    /// Of [`Flows::authorization`]: what the authorizer needs for a number of requests.
    pub(super) fn authorizer(&self, requests: f64, list: &PriceList) -> Amounts {
        let mut amounts = self.invocation(AUTHORIZER, list);
        let count = requests * list.assumed("authorizations_for_each_request");
        amounts.values_mut().for_each(|amount| *amount *= count);
        amounts
    }

    /// How much of each thing in the price list one repetition needs, with the authorizer of this other flow.
    pub(super) fn amounts(&self, list: &PriceList, authorization: &Flow) -> Amounts {
        const GATEWAY_BYTES: f64 = 512.0 * 1024.0;
        let requests = self.api_requests(list);
        let units = (self.received / self.requests.max(1.0) / GATEWAY_BYTES).ceil().max(1.0);
        let mut amounts = authorization.authorizer(requests, list);
        let mut add = |thing, amount: f64| *amounts.entry(thing).or_default() += amount;
        add("gateway", requests * units);
        add("logs", requests * list.assumed("access_log_bytes") / 1e9);
        for function in self.invocations.keys() {
            let billed = self.billed_invocations(function, list);
            for (thing, amount) in self.invocation(function, list) {
                add(thing, billed * amount);
            }
        }
        for call in &self.calls {
            let for_each = self.billed_for_each(&call.function, list);
            match (&*call.service, &*call.operation) {
                ("DynamoDB", _) => {
                    add("table_reads", call.reads * for_each);
                    add("table_writes", call.writes * for_each);
                }
                ("S3", "PutObject" | "ListObjects") => add("s3_puts", call.count * for_each),
                ("S3", "GetObject" | "HeadObject") => add("s3_gets", call.count * for_each),
                ("EventBridge", _) => add("events", call.entries / self.times),
                ("SQS", "SendMessage") => {
                    add("messages", call.count * for_each * list.assumed("requests_for_each_message"));
                }
                // S3 charges nothing for deletions.
                _ => {}
            }
        }
        amounts
    }
}

/// How many calls an invocation makes in sequence: to DynamoDB and the like, and to S3. Calls at the same time are one.
fn calls_in_sequence(flow: &str, function: &str) -> (f64, f64) {
    match function {
        // It checks a token without a call.
        AUTHORIZER => (0.0, 0.0),
        // The webhooks of the user, the delivery, and the bus.
        "WorkersEvents" if flow == "delivery" => (3.0, 0.0),
        // The message for the job.
        "WorkersStream" if flow == "delivery" => (1.0, 0.0),
        // The claim and the profile, the original, the thumbnails, and the result.
        "WorkersThumbnail" => (2.0, 2.0),
        // The webhooks of the user, and the bus.
        "WorkersEvents" => (2.0, 0.0),
        // The links, words and files, and then the refund.
        "WorkersStream" => (2.0, 2.0),
        // It claims the job, reads the delivery and its webhook, and writes the result.
        WEBHOOK => (3.0, 0.0),
        // The image and the profile, and then the transaction.
        "ImagesDelete" => (2.0, 0.0),
        _ => (1.0, 0.0),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cost::{read, tests::list};

    /// Two uploads, for which five polls were sent and three records of the stream came in two batches.
    fn uploads() -> Flow {
        let invocations = |count: u32, records: u32, memory_mb: u32| {
            json!({
                "count": count, "records": records, "cpu_ms": count * 10, "memory_mb": memory_mb,
                "log_bytes": count * 500, "log_lines": count,
            })
        };
        let flow = json!({
            "flow": "upload", "times": 2, "requests": 7, "received": 7000,
            "calls": [
                {"function": "", "service": "S3", "operation": "PutObject", "count": 2},
                {"function": "WorkersThumbnail", "service": "S3", "operation": "PutObject", "count": 6},
                {"function": "WorkersThumbnail", "service": "S3", "operation": "GetObject", "count": 2},
                {"function": "ImagesCreate", "service": "DynamoDB", "operation": "TransactWriteItems", "count": 2,
                    "writes": 16, "index by_time": 2},
                {"function": "ImagesStatus", "service": "DynamoDB", "operation": "GetItem", "count": 5, "reads": 5},
                {"function": "WorkersEvents", "service": "EventBridge", "operation": "PutEvents", "count": 2,
                    "entries": 3},
            ],
            "invocations": {
                "ImagesCreate": invocations(2, 2, 256),
                "ImagesStatus": invocations(5, 5, 256),
                "WorkersThumbnail": invocations(2, 2, 1769),
                "WorkersEvents": invocations(2, 3, 256),
            },
        });
        serde_json::from_value(flow).unwrap()
    }

    /// Two checks of tokens.
    pub(in crate::cost) fn authorization() -> Flow {
        let flow = json!({
            "flow": AUTHORIZATION, "times": 2, "requests": 4, "received": 4000, "calls": [],
            "invocations": {AUTHORIZER: {
                "count": 2, "records": 2, "cpu_ms": 2.4, "memory_mb": 256, "log_bytes": 0, "log_lines": 0,
            }},
        });
        serde_json::from_value(flow).unwrap()
    }

    #[test]
    fn an_upload_needs_what_was_measured_and_the_assumed_polls_and_checks_of_tokens() {
        let (list, flow) = (list(), uploads());
        let amounts = flow.amounts(&list, &authorization());
        let polls = list.assumed("status_polls_for_each_upload");
        let checks = list.assumed("authorizations_for_each_request");
        let expected = [
            ("gateway", 1.0 + polls),
            ("s3_puts", 4.0),
            ("s3_gets", 1.0),
            ("table_writes", 8.0),
            ("table_reads", polls),
            ("events", 1.5),
            // Each record of the stream alone.
            ("lambda_requests", 1.0 + polls + 1.0 + 1.5 + (1.0 + polls) * checks),
        ];
        for (thing, amount) in expected {
            assert!((amounts[thing] - amount).abs() < 1e-9, "{thing}: {amounts:?}");
        }
        assert_eq!(flow.calls[3].indexes["index by_time"], 2.0);
    }

    #[test]
    fn a_check_of_a_token_makes_no_call() {
        let (list, flow) = (list(), authorization());
        let ms = (1.2 * list.assumed("mb_for_a_processor") / 256.0).ceil();
        assert_eq!(flow.billed_ms(AUTHORIZER, &list), ms);
        let amounts = flow.authorizer(10.0, &list);
        let count = 10.0 * list.assumed("authorizations_for_each_request");
        assert!((amounts["lambda_requests"] - count).abs() < 1e-9, "{amounts:?}");
        assert!((amounts["lambda_time"] - count * ms / 1000.0 / 4.0).abs() < 1e-9, "{amounts:?}");
    }

    #[test]
    fn a_small_function_has_a_part_of_a_processor() {
        let (list, flow) = (list(), uploads());
        let waits = list.assumed("ms_for_each_call_in_sequence");
        let slow = 10.0 * list.assumed("mb_for_a_processor") / 256.0;
        assert_eq!(flow.billed_ms("ImagesCreate", &list), (slow + waits).ceil());
        let waits = 2.0 * waits + 2.0 * list.assumed("ms_for_each_s3_call_in_sequence");
        assert_eq!(flow.billed_ms("WorkersThumbnail", &list), (10.0 + waits).ceil());
    }

    #[test]
    fn what_was_measured_can_be_read() {
        if file().exists() {
            let flows: Flows = read(&file()).unwrap();
            assert!(flows.named("upload").is_ok() && flows.named("delete").is_ok());
        }
    }
}

//! Shows the logs of a local stack's functions.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::emulator::Emulator;
use crate::log_line::{Line, function};

const PAUSE: Duration = Duration::from_secs(1);

/// Prints the logs of all functions until the emulator stops. Each line begins with the function's name.
pub(crate) fn follow(emulator: &Emulator, stack: &str) -> Result<()> {
    let mut aws = Aws::local(emulator)?;
    let mut from: BTreeMap<String, (u128, usize)> = BTreeMap::new();
    let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    while emulator.is_alive() {
        let groups = aws.call("logs", "describe_log_groups", json!({}))?;
        let names = groups["logGroups"].as_array().into_iter().flatten();
        for name in names.filter_map(|group| group["logGroupName"].as_str()) {
            // Each request starts at the time of the latest event. Events that were already shown are skipped.
            let (since, seen) = from.entry(name.to_owned()).or_insert((start, 0));
            let parameters = json!({"logGroupName": name, "startTime": since});
            let answer = aws.call("logs", "filter_log_events", parameters)?;
            let events: Vec<&Value> = answer["events"].as_array().into_iter().flatten().collect();
            for event in events.iter().skip(*seen) {
                let line = Line::new(event["message"].as_str().unwrap_or_default());
                // The report is not useful here.
                if !line.is_frame() && !line.contains("REPORT RequestId") {
                    let name = line.text("function_name").unwrap_or(name);
                    println!("{} | {}", function(name, stack), line.readable());
                }
            }
            if let Some(latest) = events.iter().filter_map(|event| event["timestamp"].as_u64()).max() {
                *since = latest.into();
                *seen = events.iter().filter(|event| event["timestamp"].as_u64() == Some(latest)).count();
            }
        }
        sleep(PAUSE);
    }
    bail!("ministack has ended; see {}", emulator.log().display())
}

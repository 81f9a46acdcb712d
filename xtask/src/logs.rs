//! Shows the logs of a local stack's functions.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::emulator::Emulator;

const PAUSE: Duration = Duration::from_secs(1);
/// Lines that Lambda adds to each call. They are not useful here.
const PLATFORM: [&str; 3] = ["START RequestId", "END RequestId", "REPORT RequestId"];

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
                let message = event["message"].as_str().unwrap_or_default().trim_end();
                if !PLATFORM.iter().any(|prefix| message.starts_with(prefix)) {
                    println!("{} | {message}", short(name, stack));
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

/// `ImagesGet` of `/aws/lambda/darkroom-local-ImagesGet-1A2B3C`.
fn short<'a>(group: &'a str, stack: &str) -> &'a str {
    let name = group.rsplit('/').next().unwrap_or(group);
    let name = name.strip_prefix(stack).map_or(name, |rest| rest.trim_start_matches('-'));
    name.rsplit_once('-').map_or(name, |(function, _)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_labelled_with_the_function() {
        assert_eq!(short("/aws/lambda/darkroom-local-ImagesGet-1A2B3C", "darkroom-local"), "ImagesGet");
        assert_eq!(short("/aws/lambda/other", "darkroom-local"), "other");
    }
}

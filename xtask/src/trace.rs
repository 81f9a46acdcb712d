//! Prints all log lines about one upload, edit or job.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use ulid::Ulid;

use crate::aws::{Aws, Refusal};
use crate::log_line::{self, Line};

/// How far to look back for an id that does not contain a time.
const DEFAULT_HOURS: u64 = 24;

/// A line with its place in the logs.
#[derive(Debug)]
struct Found {
    at: Timestamp,
    group: String,
    line: Line,
}

/// Prints the lines of all log groups of a stack that are about `id`, in the order of time.
///
/// These are the lines that contain the id, and the other lines of the same requests that are about nothing else.
pub(crate) fn run(aws: &mut Aws, stack: &str, id: &str, hours: Option<u64>) -> Result<()> {
    let is_id = |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c);
    ensure!(!id.is_empty() && id.chars().all(is_id), "{id:?} is not an id");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let since = match (hours, time_of(id)) {
        (Some(hours), _) => now.saturating_sub(Duration::from_secs(hours * 3600)),
        // The clocks of machines differ a little.
        (None, Some(created)) => created.saturating_sub(Duration::from_secs(60)),
        (None, None) => now.saturating_sub(Duration::from_secs(DEFAULT_HOURS * 3600)),
    };
    let groups = groups(stack);
    let mut found = BTreeMap::new();
    for group in &groups {
        search(aws, group, id, since, &mut found)?;
    }
    ensure!(!found.is_empty(), "no log line of {stack} since then contains {id}");
    let related = related(found.values());
    for (group, request) in requests(found.values(), &groups[0]) {
        let mut others = BTreeMap::new();
        search(aws, &group, &request, since, &mut others)?;
        found.extend(others.into_iter().filter(|(_, other)| is_about(&other.line, &related)));
    }
    let mut lines: Vec<Found> = found.into_values().collect();
    lines.retain(|found| !found.line.is_frame());
    lines.sort_by_key(|found| found.at);
    for found in &lines {
        println!("{}", printed(found, stack));
    }
    let traces: BTreeSet<&str> = lines.iter().filter_map(|found| found.line.text("xray_trace_id")).collect();
    eprintln!("{} lines. Traces in X-Ray: {}", lines.len(), Vec::from_iter(traces).join(" "));
    Ok(())
}

/// The log groups of a stack, as template.yaml names them. The first one is the access log.
fn groups(stack: &str) -> Vec<String> {
    let functions = ["auth", "images", "admin", "docs", "web", "workers"];
    let functions = functions.iter().map(|group| format!("/darkroom/{stack}/{group}"));
    std::iter::once(format!("/aws/vendedlogs/darkroom/{stack}/api")).chain(functions).collect()
}

/// When an id was made, since 1970. The ids of images and jobs are ULIDs, which contain their time.
fn time_of(id: &str) -> Option<Duration> {
    Some(Duration::from_millis(id.parse::<Ulid>().ok()?.timestamp_ms()))
}

/// Adds the lines of a log group that contain a text. A group that does not exist has none.
fn search(
    aws: &mut Aws,
    group: &str,
    text: &str,
    since: Duration,
    found: &mut BTreeMap<(String, String), Found>,
) -> Result<()> {
    // A term in quotation marks finds lines in any format (Amazon CloudWatch Logs User Guide, "Filter pattern syntax").
    let since = u64::try_from(since.as_millis())?;
    let mut request =
        json!({"logGroupName": group, "filterPattern": format!("\"{text}\""), "startTime": since});
    loop {
        let mut page = match aws.call("logs", "filter_log_events", request.clone()) {
            Err(error) if is_missing(&error) => return Ok(()),
            page => page?,
        };
        for event in page["events"].as_array().into_iter().flatten() {
            let message = event["message"].as_str().unwrap_or_default();
            let line = Line::new(message);
            let id = event["eventId"].as_str().unwrap_or(message).to_owned();
            let written = line.text("timestamp").and_then(|time| time.parse().ok());
            let received = || Timestamp::from_millisecond(event["timestamp"].as_i64()?).ok();
            let at = written.or_else(received).unwrap_or_default();
            let one = Found { at, group: group.to_owned(), line };
            found.insert((group.to_owned(), id), one);
        }
        match page["nextToken"].take() {
            Value::Null => return Ok(()),
            token => request["nextToken"] = token,
        }
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == "ResourceNotFoundException")
}

/// The ids of the things that the lines are about.
fn related<'a>(found: impl Iterator<Item = &'a Found>) -> BTreeSet<String> {
    found.filter_map(|found| found.line.text("correlation_id")).map(str::to_owned).collect()
}

/// The requests of the lines, each with the log group that has its other lines.
fn requests<'a>(found: impl Iterator<Item = &'a Found>, access_log: &str) -> BTreeSet<(String, String)> {
    let mut requests = BTreeSet::new();
    for Found { group, line, .. } in found {
        if let Some(id) = line.text("function_request_id") {
            requests.insert((group.clone(), id.to_owned()));
        }
        if let Some(id) = line.text("request_id") {
            requests.insert((access_log.to_owned(), id.to_owned()));
        }
    }
    requests
}

/// Whether a line of a request is about one of these things, or about the request as a whole.
fn is_about(line: &Line, related: &BTreeSet<String>) -> bool {
    line.text("correlation_id").is_none_or(|id| related.contains(id))
}

fn printed(Found { at, group, line }: &Found, stack: &str) -> String {
    let label = match line.text("function_name") {
        Some(name) if !name.is_empty() => log_line::function(name, stack),
        _ => group.rsplit('/').next().unwrap_or(group),
    };
    format!("{at:.3}  {label:24}  {}", line.readable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &Value) -> Found {
        Found { at: Timestamp::default(), group: "workers".to_owned(), line: Line::new(&line.to_string()) }
    }

    #[test]
    fn an_id_contains_its_time() {
        // The example of the specification of ULID.
        assert_eq!(time_of("01ARYZ6S41TSV4RRFFQ69G5FAV"), Some(Duration::from_millis(1_469_918_176_385)));
        assert_eq!(time_of("f0Xg2jYvoAMESYw="), None);
        assert_eq!(time_of("5f0c3c9e-0000-4000-8000-00"), None);
    }

    #[test]
    fn other_lines_of_a_request_belong_to_it_unless_they_are_about_something_else() {
        let first = found(&json!({"correlation_id": "image", "function_request_id": "r", "request_id": "g"}));
        let related = related([&first].into_iter());
        let expected = [("access".to_owned(), "g".to_owned()), ("workers".to_owned(), "r".to_owned())];
        assert_eq!(requests([&first].into_iter(), "access"), expected.into());
        for (line, expected) in [
            (json!({"message": "REPORT"}), true),
            (json!({"correlation_id": "image"}), true),
            (json!({"correlation_id": "another"}), false),
        ] {
            assert_eq!(is_about(&found(&line).line, &related), expected, "{line}");
        }
    }
}

//! Alarms: each has its section in docs/RUNBOOK.md, and nothing that can fail lacks one.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::{
    job::{dead_letters, queues},
    read, resources, target,
};

/// What each section of docs/RUNBOOK.md says.
const PARTS: [&str; 4] = ["- **Meaning:** ", "- **Look:** ", "- **Do:** ", "- **Over:** "];

/// The resources of one type, by their names.
fn of_type(kind: &str) -> Result<BTreeMap<String, Value>> {
    Ok(resources()?.into_iter().filter(|(_, resource)| resource["Type"] == kind).collect())
}

fn alarms() -> Result<BTreeMap<String, Value>> {
    of_type("AWS::CloudWatch::Alarm")
}

/// The metric of an alarm, and the queue or function that it belongs to.
fn watched(alarm: &Value) -> Option<(&str, &str)> {
    let metric = alarm["Properties"]["MetricName"].as_str()?;
    Some((metric, target(&alarm["Properties"]["Dimensions"][0]["Value"])?))
}

#[test]
fn every_alarm_has_its_section_in_the_runbook_and_no_section_is_left_over() -> Result<()> {
    let runbook = read("docs/RUNBOOK.md")?;
    let mut described = BTreeSet::new();
    for section in runbook.split("\n### ").skip(1) {
        let (name, text) = section.split_once('\n').context("an empty section")?;
        for part in PARTS {
            assert!(text.contains(part), "{name} in docs/RUNBOOK.md has no line {part:?}");
        }
        assert!(described.insert(name.to_owned()), "docs/RUNBOOK.md has two sections {name}");
    }
    let alarms: BTreeSet<String> = alarms()?.into_keys().collect();
    let without: Vec<_> = alarms.difference(&described).collect();
    assert!(without.is_empty(), "docs/RUNBOOK.md has no section for {without:?}");
    let left_over: Vec<_> = described.difference(&alarms).collect();
    assert!(
        left_over.is_empty(),
        "template.yaml has no alarm for the sections {left_over:?} of docs/RUNBOOK.md"
    );
    Ok(())
}

#[test]
fn the_costs_count_the_alarms() -> Result<()> {
    let count = format!("for each of its {} alarms", alarms()?.len());
    let limits = read("docs/LIMITS.md")?.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(limits.contains(&count), "docs/LIMITS.md does not say {count:?}");
    Ok(())
}

#[test]
fn every_dead_letter_queue_has_its_alarm() -> Result<()> {
    let alarms = alarms()?;
    let watched: BTreeSet<(&str, &str)> = alarms.values().filter_map(watched).collect();
    for queue in dead_letters(&resources()?)? {
        let alarm = ("ApproximateNumberOfMessagesVisible", queue.as_str());
        assert!(watched.contains(&alarm), "template.yaml has no alarm for messages in {queue}");
    }
    Ok(())
}

/// The queues that workers read. The first ones contain jobs, and the others what failed elsewhere.
fn queues_of_jobs_and_of_retries() -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let queues = queues(&resources()?)?.into_iter().map(|(_, queue, _)| queue);
    Ok(queues.partition(|queue| queue.ends_with("Jobs")))
}

#[test]
fn every_job_queue_has_its_alarm_for_the_age() -> Result<()> {
    let alarms = alarms()?;
    let watched: BTreeSet<(&str, &str)> = alarms.values().filter_map(watched).collect();
    for queue in queues_of_jobs_and_of_retries()?.0 {
        let alarm = ("ApproximateAgeOfOldestMessage", queue.as_str());
        assert!(watched.contains(&alarm), "template.yaml has no alarm for old messages in {queue}");
    }
    Ok(())
}

#[test]
fn every_retry_queue_has_alarms_for_attempts_that_fail_and_for_messages_that_nobody_reads() -> Result<()> {
    let alarms = alarms()?;
    let watched: BTreeSet<(&str, &str)> = alarms.values().filter_map(watched).collect();
    let queues = queues_of_jobs_and_of_retries()?.1;
    for queue in &queues {
        for metric in ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesVisible"] {
            let alarm = (metric, queue.as_str());
            assert!(watched.contains(&alarm), "template.yaml has no alarm for {metric} in {queue}");
        }
    }
    let expected = ["EventRetries", "StreamRetries", "TierRecords", "UploadRetries"];
    assert_eq!(queues, BTreeSet::from(expected.map(str::to_owned)));
    Ok(())
}

/// The log group that something refers to.
fn log_group(reference: &Value) -> Option<String> {
    target(reference).map(str::to_owned)
}

#[test]
fn every_metric_of_the_logs_has_its_alarm() -> Result<()> {
    let alarms = alarms()?;
    let is_log = |alarm: &&Value| log_group(&alarm["Properties"]["Namespace"]).is_some();
    let alarms: BTreeSet<&str> = alarms
        .values()
        .filter(is_log)
        .filter_map(|alarm| alarm["Properties"]["MetricName"].as_str())
        .collect();
    let filters = of_type("AWS::Logs::MetricFilter")?;
    let metric = |filter: &Value| {
        filter["Properties"]["MetricTransformations"][0]["MetricName"].as_str().map(str::to_owned)
    };
    let metrics: BTreeSet<String> = filters.values().filter_map(metric).collect();
    assert_eq!(metrics.iter().map(String::as_str).collect::<BTreeSet<_>>(), alarms);
    Ok(())
}

#[test]
fn every_worker_writes_to_the_log_that_an_alarm_reads() -> Result<()> {
    let watched = log_group(&resources()?["WorkersErrorsMetric"]["Properties"]["LogGroupName"]);
    for (name, function) in of_type("AWS::Serverless::Function")? {
        if name.starts_with("Workers") {
            let group = log_group(&function["Properties"]["LoggingConfig"]["LogGroup"]);
            assert_eq!(group, watched, "{name} writes to another log than that of the alarm WorkersErrors");
        }
    }
    Ok(())
}

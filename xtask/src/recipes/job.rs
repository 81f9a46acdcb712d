//! "Add a kind of job"

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::{between, contract, quoted, read, resources, strings, target};
use crate::{project, redrive, template};

pub(super) type Resources = BTreeMap<String, Value>;

/// The queues that workers read, each with its worker and its dead-letter queue.
pub(super) fn queues(resources: &Resources) -> Result<Vec<(String, String, String)>> {
    let mut queues = Vec::new();
    for (function, resource) in resources {
        let events = resource["Properties"]["Events"].as_mapping().into_iter().flat_map(|all| all.values());
        for event in events.filter(|event| event["Type"] == "SQS") {
            let queue = target(&event["Properties"]["Queue"]).context("no queue")?;
            let policy = &resources[queue]["Properties"]["RedrivePolicy"];
            let letters = target(&policy["deadLetterTargetArn"])
                .with_context(|| format!("{queue} has no dead-letter queue"))?;
            queues.push((function.clone(), queue.to_owned(), letters.to_owned()));
        }
    }
    Ok(queues)
}

/// All queues to which a message goes after its last attempt.
pub(super) fn dead_letters(resources: &Resources) -> Result<BTreeSet<String>> {
    let mut all: BTreeSet<String> = queues(resources)?.into_iter().map(|(_, _, letters)| letters).collect();
    for resource in resources.values() {
        let events = resource["Properties"]["Events"].as_mapping().into_iter().flat_map(|all| all.values());
        let destinations = events.map(|event| &event["Properties"]["DestinationConfig"]["OnFailure"]);
        all.extend(destinations.filter_map(|to| target(&to["Destination"])).map(str::to_owned));
    }
    Ok(all)
}

#[test]
fn every_queue_hides_a_message_for_six_times_the_time_of_its_worker() -> Result<()> {
    let template = template::read(&read("template.yaml")?)?;
    let usual = &template["Globals"]["Function"]["Timeout"];
    let resources = resources()?;
    for (function, queue, _) in queues(&resources)? {
        let own = &resources[&function]["Properties"]["Timeout"];
        let timeout = own.as_u64().or(usual.as_u64()).context("no timeout")?;
        let hidden = &resources[&queue]["Properties"]["VisibilityTimeout"];
        let hidden = hidden.as_u64().with_context(|| format!("{queue} has no VisibilityTimeout"))?;
        assert!(
            hidden >= 6 * timeout,
            "VisibilityTimeout of {queue} is less than six times {timeout} seconds"
        );
    }
    Ok(())
}

#[test]
fn every_worker_is_in_both_tables_of_workers() -> Result<()> {
    let page = read("docs/WORKERS.md")?;
    for table in ["| meaning of the name |", "| what happens after an error |"] {
        let rows = between(&page, table, "\n\n")?;
        for function in template::functions(&project::template())? {
            let name = format!("`{}`", function.bin);
            let named = rows.lines().any(|row| first_cell(row).contains(&name));
            assert!(named || !name.starts_with("`workers-"), "{table} in docs/WORKERS.md has no {name}");
        }
    }
    Ok(())
}

fn first_cell(row: &str) -> &str {
    row.split(" | ").next().unwrap_or_default()
}

/// The names of the tasks that go to the same queue, for each queue.
fn tasks_of_queues(dispatch: &str) -> Result<Vec<BTreeSet<String>>> {
    let arms = between(dispatch, "match job.task {", "};")?;
    // Before each arrow is the pattern of an arm, after the result of the previous arm.
    let patterns = arms.rsplit("=>").skip(1);
    let tasks =
        patterns.map(|pattern| pattern.split("Task::").skip(1).filter_map(|task| task.split(' ').next()));
    Ok(tasks.map(|names| names.map(snake_case).collect()).collect())
}

/// `DropboxCopy` as serde writes it: `dropbox_copy`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[test]
fn the_permission_to_send_to_every_queue_is_tested() -> Result<()> {
    let (dispatch, test) =
        (read("functions/workers/src/dispatch.rs")?, read("tests/tests/policies/workers.rs")?);
    let test = between(&test, "async fn workers_stream()", "\n}")?;
    let queues = tasks_of_queues(&dispatch)?;
    assert!(queues.len() > 2, "{queues:?}");
    for tasks in queues {
        let named = tasks.iter().any(|task| test.contains(&format!("\"task\": {{\"S\": \"{task}\"}}")));
        assert!(named, "workers_stream in tests/tests/policies/workers.rs creates no job of {tasks:?}");
    }
    Ok(())
}

#[test]
fn every_request_about_jobs_is_judged() -> Result<()> {
    let judged = read("shared/store/src/judged.rs")?;
    for file in ["claim.rs", "finish.rs", "request.rs"] {
        let source = read(&format!("shared/store/src/jobs/{file}"))?;
        let names = source.split("pub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
        for name in names {
            assert!(judged.contains(&format!(".{name}(")), "shared/store/src/judged.rs does not call {name}");
        }
    }
    Ok(())
}

#[test]
fn the_wiring_of_every_queue_is_tested() -> Result<()> {
    let (wiring, poison) =
        (read("tests/tests/api/workers/wiring.rs")?, read("tests/tests/faults/redrive.rs")?);
    for (function, queue, letters) in queues(&resources()?)? {
        let row = format!("(\"{function}\", \"{queue}\", \"{letters}\", ");
        assert!(wiring.contains(&row), "tests/tests/api/workers/wiring.rs has no row {row}…)");
        let row = format!("(\"{queue}\", \"{letters}\")");
        assert!(poison.contains(&row), "tests/tests/faults/redrive.rs has no row {row}");
    }
    Ok(())
}

#[test]
fn redrive_includes_every_queue() -> Result<()> {
    let queues = queues(&resources()?)?.into_iter();
    let expected: BTreeSet<(String, String)> = queues.map(|(_, queue, letters)| (letters, queue)).collect();
    let listed = redrive::QUEUES.map(|(letters, queue)| (letters.to_owned(), queue.to_owned()));
    assert_eq!(BTreeSet::from(listed), expected);
    let test = read("tests/tests/faults/redrive.rs")?;
    let emptied = quoted(between(&test, "for queue in [", "]")?);
    let letters = BTreeSet::from(redrive::QUEUES.map(|(letters, _)| letters));
    assert_eq!(emptied, letters, "the queues that tests/tests/faults/redrive.rs empties first");
    Ok(())
}

#[test]
fn admins_see_every_dead_letter_queue() -> Result<()> {
    let resources = resources()?;
    let source = read("functions/admin/src/queues.rs")?;
    let table = quoted(between(&source, "const QUEUES", "];")?).into_iter().filter(|text| text.contains('_'));
    let table: BTreeSet<&str> = table.collect();
    for function in ["AdminQueuesList", "AdminDeadLettersList", "AdminDeadLettersRedrive"] {
        let variables = &resources[function]["Properties"]["Environment"]["Variables"];
        let variables = variables.as_mapping().with_context(|| format!("{function} has no variables"))?;
        let names = variables.keys().filter_map(Value::as_str);
        // Only the redrive has this one, which is no queue.
        let named: BTreeSet<&str> = names.filter(|name| *name != "USER_POOL_ID").collect();
        assert_eq!(table, named, "QUEUES in functions/admin/src/queues.rs, and {function}");
        let shown: BTreeSet<&str> = variables.values().filter_map(target).collect();
        for queue in dead_letters(&resources)? {
            assert!(shown.contains(queue.as_str()), "{function} has no variable for {queue}");
        }
    }
    Ok(())
}

#[test]
fn every_queue_has_a_name_in_the_contract_and_on_the_page() -> Result<()> {
    let source = read("functions/admin/src/queues.rs")?;
    let table = quoted(between(&source, "const QUEUES", "];")?);
    let names: BTreeSet<&str> = table.into_iter().filter(|text| !text.contains('_')).collect();
    let contract = contract()?;
    let queue = &contract["components"]["schemas"]["QueueName"];
    assert_eq!(names, strings(&queue["enum"])?, "`QueueName` in docs/openapi.yaml");
    let description = queue["description"].as_str().context("no description")?;
    let (texts, test) = (read("web/admin-texts.js")?, read("tests/tests/api/admin/queues.rs")?);
    let texts = between(&texts, "  queues: {", "}")?;
    for name in names {
        let key = format!("{name}: ");
        let has_text = texts.contains(&format!(" {key}")) || texts.contains(&format!("\"{name}\": "));
        assert!(has_text, "queues in web/admin-texts.js lacks {name}");
        assert!(
            description.contains(&format!("`{name}`")),
            "`QueueName` in docs/openapi.yaml explains no {name}"
        );
        // One test reads the dead letters of the queue, another one its other messages.
        let tests = test.matches(&format!("\"{name}\"")).count();
        assert!(tests >= 2, "{tests} instead of two tests in tests/tests/api/admin/queues.rs name {name}");
    }
    Ok(())
}

#[test]
fn a_reader_of_the_stream_gives_nothing_up_too_early() -> Result<()> {
    let resources = resources()?;
    let readers = [("WorkersStream", "StreamDeadLetters", 5), ("WorkersEvents", "EventDeadLetters", 5)];
    for (function, letters, filters) in readers {
        let events = resources[function]["Properties"]["Events"].as_mapping().context("no events")?;
        let stream = events.values().find(|event| event["Type"] == "DynamoDB").context("no stream")?;
        let source = &stream["Properties"];
        for (name, value) in
            [("ParallelizationFactor", 4), ("MaximumRetryAttempts", -1), ("MaximumRecordAgeInSeconds", 43200)]
        {
            assert_eq!(source[name].as_i64(), Some(value), "{name} of {function}");
        }
        assert_eq!(source["BisectBatchOnFunctionError"], true, "{function}");
        assert_eq!(source["StartingPosition"], "TRIM_HORIZON", "{function}");
        assert_eq!(source["FunctionResponseTypes"][0], "ReportBatchItemFailures", "{function}");
        assert_eq!(target(&source["DestinationConfig"]["OnFailure"]["Destination"]), Some(letters));
        let found = source["FilterCriteria"]["Filters"].as_sequence().map(Vec::len);
        assert_eq!(found, Some(filters), "{function}");
    }
    Ok(())
}

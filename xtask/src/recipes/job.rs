//! "Add a kind of job"

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::{between, contract, quoted, read, resources, strings, target};
use crate::redrive;

pub(super) type Resources = BTreeMap<String, Value>;

/// The queues that workers read, each with its worker and its dead-letter queue.
fn queues(resources: &Resources) -> Result<Vec<(String, String, String)>> {
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
    Ok(())
}

#[test]
fn admins_see_every_dead_letter_queue() -> Result<()> {
    let resources = resources()?;
    let variables = &resources["AdminQueuesList"]["Properties"]["Environment"]["Variables"];
    let variables = variables.as_mapping().context("AdminQueuesList has no variables")?;
    let shown: BTreeSet<&str> = variables.values().filter_map(target).collect();
    let source = read("functions/admin/src/queues.rs")?;
    let table = quoted(between(&source, "const QUEUES", "];")?);
    for (variable, _) in variables {
        let variable = variable.as_str().context("no name")?;
        assert!(table.contains(variable), "QUEUES in functions/admin/src/queues.rs lacks {variable}");
    }
    for queue in dead_letters(&resources)? {
        assert!(shown.contains(queue.as_str()), "AdminQueuesList has no variable for {queue}");
    }
    Ok(())
}

#[test]
fn every_queue_has_a_name_in_the_contract_and_on_the_page() -> Result<()> {
    let source = read("functions/admin/src/queues.rs")?;
    let table = quoted(between(&source, "const QUEUES", "];")?);
    let names: BTreeSet<&str> = table.into_iter().filter(|text| !text.contains('_')).collect();
    let contract = contract()?;
    let queue = &contract["components"]["schemas"]["Queue"]["properties"]["name"]["enum"];
    assert_eq!(names, strings(queue)?, "`Queue` in docs/openapi.yaml");
    let (texts, test) = (read("web/texts.js")?, read("tests/tests/api/admin/queues.rs")?);
    let texts = between(&texts, "    queues: {", "}")?;
    for name in names {
        let key = format!("{name}: ");
        let has_text = texts.contains(&format!(" {key}")) || texts.contains(&format!("\"{name}\": "));
        assert!(has_text, "texts.admin.queues in web/texts.js lacks {name}");
        assert!(test.contains(&format!("(\"{name}\", ")), "tests/tests/api/admin/queues.rs lacks {name}");
    }
    Ok(())
}

//! "Add an endpoint"

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::{between, contract, quoted, read, resources};
use crate::{project, template};

/// Method and path of each operation in docs/openapi.yaml.
fn operations() -> Result<Vec<(String, String)>> {
    let contract = contract()?;
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_mapping().context("no paths")? {
        for (method, operation) in item.as_mapping().context("no operations")? {
            if !operation["operationId"].is_null() {
                let method = method.as_str().context("no method")?.to_uppercase();
                operations.push((method, path.as_str().context("no path")?.to_owned()));
            }
        }
    }
    Ok(operations)
}

/// `text` names the path, and no longer path that begins with it.
fn names(text: &str, path: &str) -> bool {
    text.contains(&format!("{path}`"))
}

#[test]
fn every_function_has_a_sample_event() -> Result<()> {
    let list = read("tests/src/events.rs")?;
    for (name, resource) in resources()? {
        if resource["Type"] == "AWS::Serverless::Function" {
            assert!(list.contains(&format!("(\"{name}\", ")), "SAMPLES in tests/src/events.rs has no {name}");
        }
    }
    Ok(())
}

/// The authorizer for tokens and keys lets every request through, and describes its credential.
#[test]
fn every_endpoint_that_accepts_keys_looks_at_its_caller() -> Result<()> {
    let groups = fs::read_dir(project::root().join("functions"))?;
    let groups = groups.map(|group| Ok(group?.path())).collect::<Result<Vec<_>>>()?;
    let mut endpoints = 0;
    for (name, resource) in resources()? {
        let Some(events) = resource["Properties"]["Events"].as_mapping() else { continue };
        if events.values().all(|event| event["Properties"]["Auth"]["Authorizer"] != "TokenOrKey") {
            continue;
        }
        let uri = resource["Properties"]["CodeUri"].as_str().context("no CodeUri")?;
        let file = format!("src/bin/{}.rs", uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        let source = groups.iter().map(|group| group.join(&file)).find(|source| source.exists());
        let source = fs::read_to_string(source.with_context(|| format!("{name} has no source"))?)?;
        assert!(source.contains("Caller::of("), "{name} answers without looking at its caller");
        endpoints += 1;
    }
    assert!(endpoints > 30, "{endpoints}");
    Ok(())
}

/// A shorter file decides little, and the tests over HTTP cover that.
#[test]
fn every_long_function_has_unit_tests() -> Result<()> {
    const MAX_LINES: usize = 50;
    for group in fs::read_dir(project::root().join("functions"))? {
        for file in fs::read_dir(group?.path().join("src/bin"))? {
            let file = file?.path();
            // The folder of a function contains more of its source.
            if file.is_dir() {
                continue;
            }
            let source = fs::read_to_string(&file)?;
            let code =
                source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            let (lines, has_tests) = (code.count(), source.contains("#[cfg(test)]"));
            let name = file.display();
            assert!(has_tests || lines <= MAX_LINES, "{name} has {lines} lines of code and no unit tests");
        }
    }
    Ok(())
}

#[test]
fn every_sample_event_is_used() -> Result<()> {
    let list = read("tests/src/events.rs")?;
    for file in fs::read_dir(project::root().join("events"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        assert!(
            list.contains(&format!("events/{name}\")")),
            "tests/src/events.rs does not use events/{name}"
        );
    }
    Ok(())
}

#[test]
fn every_operation_has_a_test_module_that_names_it() -> Result<()> {
    let modules = read("tests/tests/api/main.rs")?;
    let mut headings = Vec::new();
    for directory in fs::read_dir(project::root().join("tests/tests/api"))? {
        let directory = directory?.path();
        if !directory.is_dir() {
            continue;
        }
        let parent = directory.file_name().context("no name")?.to_string_lossy().into_owned();
        let modules = between(&modules, &format!("mod {parent} {{\n"), "\n}")?;
        for file in fs::read_dir(directory)? {
            let path = file?.path();
            let module = path.file_stem().context("no name")?.to_string_lossy().into_owned();
            let listed = modules.lines().any(|line| line.trim() == format!("mod {module};"));
            assert!(listed, "tests/tests/api/main.rs lacks {parent}::{module}");
            let text = fs::read_to_string(path)?;
            headings.push(text.lines().take_while(|line| line.starts_with("//!")).collect::<String>());
        }
    }
    for (method, path) in operations()? {
        let named = headings.iter().any(|text| text.contains(&format!("`{method}")) && names(text, &path));
        assert!(named, "the first lines of no file in tests/tests/api name `{method} {path}`");
    }
    Ok(())
}

#[test]
fn every_operation_without_a_provider_may_answer_501_to_schemathesis() -> Result<()> {
    let (contract, settings) = (contract()?, read("tests/schemathesis/schemathesis.toml")?);
    let listed = quoted(between(&settings, "# 501 means", "checks.")?);
    for item in contract["paths"].as_mapping().context("no paths")?.values() {
        for operation in item.as_mapping().context("no operations")?.values() {
            let Some(name) = operation["operationId"].as_str() else { continue };
            let may = !operation["responses"]["501"].is_null();
            assert_eq!(listed.contains(name), may, "{name} in tests/schemathesis/schemathesis.toml");
        }
    }
    Ok(())
}

#[test]
fn every_operation_is_in_a_table_of_endpoints() -> Result<()> {
    let page = read("docs/API.md")?;
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for (method, path) in operations()? {
        let named = rows.iter().any(|row| row.contains(&format!("`{method}")) && names(row, &path));
        assert!(named, "the table of endpoints in docs/API.md has no row for `{method} {path}`");
    }
    Ok(())
}

#[test]
fn every_function_is_in_the_table_of_aws_calls() -> Result<()> {
    // One row is for all functions of `auth`, and those of `docs` and `web` make no call.
    const WITHOUT_ROWS: [&str; 3] = ["auth-", "docs-", "web-"];
    let benchmarks = read("docs/BENCHMARKS.md")?;
    let (_, section) = benchmarks.split_once("## AWS calls in sequence").context("no section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    // A row begins with the names of its functions.
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named: BTreeSet<&str> = cells.flat_map(|cell| cell.split(", ")).collect();
    for function in template::functions(&project::template())? {
        let name = function.bin.as_str();
        let known = named.contains(name) || WITHOUT_ROWS.iter().any(|prefix| name.starts_with(prefix));
        assert!(known, "\"AWS calls in sequence\" in docs/BENCHMARKS.md has no row for {name}");
    }
    Ok(())
}

#[test]
fn every_change_by_an_admin_leaves_an_audit_entry() -> Result<()> {
    for function in template::functions(&project::template())? {
        let is_change =
            |route: &template::Route| route.path.starts_with("/api/admin/") && route.method != "GET";
        if function.routes.iter().any(is_change) {
            let source = read(&format!("functions/admin/src/bin/{}.rs", function.bin))?;
            assert!(source.contains("AuditTrail"), "{} writes no audit entry", function.bin);
        }
    }
    Ok(())
}

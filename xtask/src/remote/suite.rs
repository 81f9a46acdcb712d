//! Which tests run on a stack on AWS, and which are left out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::test::cargo_test;
use crate::{command, project};

/// Test binaries that run only on the local stack, with the reason. In the others, `#[ignore]` marks single tests.
pub(super) const LOCAL_BINARIES: [(&str, &str); 4] = [
    ("chaos", "needs the local stack: it redirects functions, kills their processes and delays events"),
    ("faults", "needs the local stack: it redirects functions, kills their processes or changes queues"),
    ("edge", "needs the local stack: it knows the private key of the edge"),
    ("policies", "needs the local stack: it takes permissions away from functions"),
];

/// Tests that did not run, each with the reason.
pub(super) type LeftOut = Vec<(String, String)>;

/// The end-to-end test binaries that also run on other stacks.
pub(super) fn remote_binaries() -> Result<Vec<String>> {
    let entries = fs::read_dir(project::root().join("tests/tests"))?.flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| LOCAL_BINARIES.iter().all(|(binary, _)| binary != name));
    names.sort();
    Ok(names)
}

/// The names of the tests of some targets that contain one of `filters`.
pub(super) fn list(targets: &[&str], filters: &[String]) -> Result<Vec<String>> {
    let mut cargo = cargo_test(targets, filters);
    let mut names = Vec::new();
    cargo.args(["--list", "--format", "terse"]).stdout(Stdio::piped());
    let mut child = command::spawn(&mut cargo)?;
    for line in BufReader::new(child.stdout.take().context("cargo has no output")?).lines() {
        names.extend(line?.strip_suffix(": test").map(str::to_owned));
    }
    ensure!(child.wait()?.success(), "cargo could not list tests");
    Ok(names)
}

/// The names of the browser tests, from their sources.
pub(super) fn browser_tests() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(project::root().join("tests/browser"))?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if !file.ends_with(".test.js") {
            continue;
        }
        let source = fs::read_to_string(entry.path())?;
        let tests = source.lines().filter_map(|line| line.trim_start().strip_prefix("test(\""));
        names.extend(tests.filter_map(|rest| rest.split('"').next()).map(|name| format!("{file}: {name}")));
    }
    names.sort();
    Ok(names)
}

/// Runs a program, prints its output, passes each line to `read`, and returns whether it succeeded.
pub(super) fn run_and_read(program: &mut Command, mut read: impl FnMut(&str)) -> Result<bool> {
    let mut child = command::spawn(program.stdout(Stdio::piped()))?;
    for line in BufReader::new(child.stdout.take().context("no output")?).lines() {
        let line = line?;
        println!("{line}");
        read(&line);
    }
    Ok(child.wait()?.success())
}

/// The ignored test and the reason, if a line of the test harness reports one.
pub(super) fn ignored(line: &str) -> Option<(String, String)> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    Some((name.to_owned(), reason.trim_start_matches([',', ' ']).to_owned()))
}

pub(super) fn print_left_out(left_out: &LeftOut) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, reason) in left_out {
        by_reason.entry(reason).or_default().push(name);
    }
    println!("\nLeft out, and not counted as passed: {} tests", left_out.len());
    for (reason, names) in by_reason {
        println!("  {reason} ({}):", names.len());
        for name in names {
            println!("    {name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_test_is_listed_with_its_reason() {
        let line = "test auth::confirm::a_code ... ignored, needs the local stack: its mailbox";
        let expected = ("auth::confirm::a_code".to_owned(), "needs the local stack: its mailbox".to_owned());
        assert_eq!(ignored(line), Some(expected));
        assert_eq!(ignored("test auth::confirm::a_code ... ok"), None);
    }

    #[test]
    fn binaries_that_change_the_stack_run_on_the_local_one_alone() -> Result<()> {
        assert_eq!(remote_binaries()?, ["api", "load"]);
        Ok(())
    }
}

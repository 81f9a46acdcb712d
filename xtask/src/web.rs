//! Runs the unit tests of the page's modules, which need no browser.

use std::fs;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::{command, project};

/// Runs the tests of tests/web whose names contain one of `filters`, or all.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    let directory = project::root().join("tests/web");
    let entries = fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut node = Node::ensure()?.command("node")?;
    node.current_dir(project::root()).args(["--test", "--test-reporter=spec"]);
    node.args(filters.iter().map(|filter| format!("--test-name-pattern={}", pattern(filter))));
    node.args(files.filter(|file| file.to_string_lossy().ends_with(".test.js")));
    command::run(&mut node)
}

/// A regular expression that matches exactly this text.
fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        if character.is_ascii_punctuation() && character != '_' {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_matches_itself_alone() {
        assert_eq!(pattern("store::a_b (c.d)"), r"store\:\:a_b \(c\.d\)");
    }
}

//! Tests for docs/RECIPES.md: each fails if someone forgets a step that nothing else checks. They only read files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use crate::{project, template};

mod alarms;
mod dashboard;
mod edge;
mod endpoint;
mod format;
mod imports;
mod job;
mod view;

/// A file of the project.
fn read(path: &str) -> Result<String> {
    fs::read_to_string(project::root().join(path)).with_context(|| format!("reading {path}"))
}

/// The part of `text` between two marks.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Result<&'a str> {
    let (_, rest) = text.split_once(begin).with_context(|| format!("no {begin:?}"))?;
    Ok(rest.split_once(end).with_context(|| format!("no {end:?} after {begin:?}"))?.0)
}

/// All strings in double quotes.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// docs/openapi.yaml.
fn contract() -> Result<Value> {
    Ok(serde_yaml_ng::from_str(&read("docs/openapi.yaml")?)?)
}

/// The strings of a list such as an `enum`.
fn strings(list: &Value) -> Result<BTreeSet<&str>> {
    list.as_sequence().context("no list")?.iter().map(|item| item.as_str().context("not a string")).collect()
}

/// The resources of template.yaml by their names, with anchors and merge keys resolved.
fn resources() -> Result<BTreeMap<String, Value>> {
    let template = template::read(&read("template.yaml")?)?;
    let resources = template["Resources"].as_mapping().context("no Resources")?.iter();
    resources.map(|(name, value)| Ok((name.as_str().context("no name")?.to_owned(), value.clone()))).collect()
}

/// The resource whose ARN, name or URL a value refers to.
fn target(value: &Value) -> Option<&str> {
    let Value::Tagged(reference) = value else { return None };
    reference.value.as_str()?.split('.').next()
}

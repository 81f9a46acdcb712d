//! The table of the dashboard's widgets in docs/OPERATIONS.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

use crate::{project, template};

/// The lines of docs/OPERATIONS.md around the table.
const BEGIN: &str = "<!-- cargo xtask dashboard writes this table -->\n";
const END: &str = "<!-- end of the table -->\n";

/// A widget of the dashboard.
#[derive(Debug)]
pub(crate) struct Widget {
    pub(crate) title: String,
    /// Column, row, width and height in the grid of 24 columns.
    pub(crate) place: [u64; 4],
    /// What feeds it: metrics with namespace and statistic, alarms, or the query of a log.
    pub(crate) sources: Vec<Source>,
}

/// What a widget shows.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Metric { namespace: String, name: String, dimension: Option<String>, statistic: String },
    Alarm(String),
    Query(String),
}

/// Writes the table into docs/OPERATIONS.md.
pub(crate) fn write() -> Result<()> {
    let document = fs::read_to_string(file())?;
    Ok(fs::write(file(), with_table(&document)?)?)
}

/// docs/OPERATIONS.md with the table of the current template.
pub(crate) fn with_table(document: &str) -> Result<String> {
    let (before, rest) =
        document.split_once(BEGIN).context("docs/OPERATIONS.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("docs/OPERATIONS.md has no end of the table")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table(&widgets()?)))
}

fn file() -> PathBuf {
    project::root().join("docs/OPERATIONS.md")
}

/// The widgets of template.yaml, row by row.
pub(crate) fn widgets() -> Result<Vec<Widget>> {
    let template = template::read(&fs::read_to_string(project::template())?)?;
    let Yaml::Tagged(sub) = &template["Resources"]["Overview"]["Properties"]["DashboardBody"] else {
        anyhow::bail!("the body of the dashboard is no !Sub")
    };
    let body: Value = serde_json::from_str(sub.value[0].as_str().context("no body")?)?;
    body["widgets"].as_array().context("no widgets")?.iter().map(widget).collect()
}

fn widget(json: &Value) -> Result<Widget> {
    let properties = &json["properties"];
    let title = text(&properties["title"])?;
    let number = |name: &str| json[name].as_u64().with_context(|| format!("{title} has no {name}"));
    let place = [number("x")?, number("y")?, number("width")?, number("height")?];
    let sources = match json["type"].as_str() {
        Some("metric") => {
            let default = text(&properties["stat"])?;
            let metrics = properties["metrics"].as_array().context("no metrics")?;
            metrics.iter().map(|metric| source(metric, &default)).collect::<Result<_>>()?
        }
        Some("alarm") => {
            let alarms = properties["alarms"].as_array().context("no alarms")?;
            let alarms = alarms.iter().filter_map(|alarm| alarm.as_str()?.split(['{', '.']).nth(1));
            alarms.map(|alarm| Source::Alarm(alarm.to_owned())).collect()
        }
        Some("log") => vec![Source::Query(text(&properties["query"])?)],
        other => anyhow::bail!("{title} has the unknown type {other:?}"),
    };
    Ok(Widget { title, place, sources })
}

/// A metric of a widget: its names and options, or an expression such as
/// `SEARCH('{"Darkroom/stack",code} MetricName="ImagesFailed"', 'Sum')`.
fn source(metric: &Value, default: &str) -> Result<Source> {
    let parts = metric.as_array().context("a metric is a list")?;
    if let Some(expression) = parts[0]["expression"].as_str() {
        let between = |from: &str, to: &str| {
            let (_, rest) = expression.split_once(from)?;
            Some(rest.split_once(to)?.0.to_owned())
        };
        return Ok(Source::Metric {
            namespace: between("{\"", "\"").context("no namespace")?,
            name: between("MetricName=\"", "\"").context("no metric")?,
            dimension: between("\",", "}"),
            statistic: between("', '", "'").context("no statistic")?,
        });
    }
    let options = parts.last().filter(|last| last.is_object());
    let statistic = options.and_then(|options| options["stat"].as_str()).unwrap_or(default).to_owned();
    let dimension = parts.get(2).and_then(Value::as_str).map(str::to_owned);
    Ok(Source::Metric { namespace: text(&parts[0])?, name: text(&parts[1])?, dimension, statistic })
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("{value} is no text"))?.to_owned())
}

fn table(widgets: &[Widget]) -> String {
    let mut table = "| row | widget | what feeds it |\n| --- | --- | --- |\n".to_owned();
    for Widget { title, place: [_, y, _, _], sources } in widgets {
        let mut lines = BTreeSet::new();
        let fed: Vec<String> = sources.iter().map(fed_by).filter(|line| lines.insert(line.clone())).collect();
        table += &format!("| {} | {title} | {} |\n", y / 6 + 1, fed.join(", "));
    }
    table
}

fn fed_by(source: &Source) -> String {
    match source {
        Source::Metric { namespace, name, dimension, statistic } => {
            let namespace = namespace.replace("${AWS::StackName}", "<stack>");
            let by = dimension.as_ref().map(|name| format!(" by `{name}`")).unwrap_or_default();
            format!("`{namespace}` `{name}` ({statistic}){by}")
        }
        Source::Alarm(name) => format!("`{name}`"),
        Source::Query(_) => "lines of the log groups with the level `ERROR`".to_owned(),
    }
}

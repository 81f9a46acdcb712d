//! The dashboard: it shows every metric that the functions write, every queue and every alarm.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_yaml_ng::Value;

use super::{between, read, resources, target};
use crate::dashboard::{Source, Widget, widgets, with_table};
use crate::redrive::QUEUES;
use crate::template;

#[test]
fn operations_md_shows_the_widgets_of_the_template() -> Result<()> {
    let document = read("docs/OPERATIONS.md")?;
    assert!(
        document == with_table(&document)?,
        "docs/OPERATIONS.md is outdated; run `cargo xtask dashboard`"
    );
    Ok(())
}

#[test]
fn the_widgets_fill_the_grid_without_an_overlap() -> Result<()> {
    let mut taken = BTreeSet::new();
    for Widget { title, place: [x, y, width, height], .. } in widgets()? {
        assert!(x + width <= 24, "{title} is beyond the grid");
        for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{title} covers another widget");
        }
    }
    Ok(())
}

/// The names of the metrics of a namespace.
fn shown(namespace: &str) -> Result<BTreeSet<String>> {
    let sources = widgets()?.into_iter().flat_map(|widget| widget.sources);
    let names = sources.filter_map(|source| match source {
        Source::Metric { namespace: of, name, .. } if of == namespace => Some(name),
        _ => None,
    });
    Ok(names.collect())
}

#[test]
fn the_dashboard_shows_the_metrics_that_the_functions_write() -> Result<()> {
    let source = read("shared/telemetry/src/metrics.rs")?;
    let emf = between(&source, "fn into_emf(", "fn milliseconds(")?;
    let written = emf.split("(\"").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once('"')?;
        let unit = rest.trim_start_matches([',', ' ']);
        (unit.starts_with("COUNT") || unit.starts_with("MILLISECONDS")).then(|| name.to_owned())
    });
    let written: BTreeSet<String> = written.collect();
    assert_eq!(written, shown("Darkroom/${AWS::StackName}")?);
    let document = read("docs/OPERATIONS.md")?;
    for name in written {
        assert!(document.contains(&format!("| `{name}` |")), "docs/OPERATIONS.md does not explain {name}");
    }
    Ok(())
}

#[test]
fn the_dashboard_shows_every_queue_and_every_alarm() -> Result<()> {
    let template = read("template.yaml")?;
    let body = between(&template, "DashboardBody:", "TableName: *table-name")?;
    for queue in QUEUES.iter().flat_map(|(dead, alive)| [dead, alive]) {
        assert!(body.contains(&format!("${{{queue}.QueueName}}")), "the dashboard does not show {queue}");
    }
    let sources = widgets()?.into_iter().flat_map(|widget| widget.sources);
    let shown: BTreeSet<String> = sources
        .filter_map(|source| match source {
            Source::Alarm(name) => Some(name),
            _ => None,
        })
        .collect();
    let alarms =
        resources()?.into_iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeSet<String> = alarms.map(|(name, _)| name).collect();
    assert_eq!(shown, alarms, "the widget of alarms shows others than template.yaml has");
    Ok(())
}

/// The functions that are reached through an alias.
#[test]
fn gradual_deployment_has_an_alias_for_each_of_its_functions() -> Result<()> {
    for (name, resource) in resources()? {
        let properties = &resource["Properties"];
        let is_gradual = !properties["DeploymentPreference"].is_null();
        let alias = properties["AutoPublishAlias"].as_str();
        assert_eq!(alias, is_gradual.then_some("live"), "{name} has an alias or a preference, but not both");
        if is_gradual {
            let document = read("docs/DEPLOYING.md")?;
            let function = properties["CodeUri"]
                .as_str()
                .and_then(|path| path.trim_end_matches('/').split('/').next_back());
            let function = function.context("no function")?;
            assert!(
                document.contains(&format!("`{function}`")),
                "docs/DEPLOYING.md does not name {function}"
            );
        }
    }
    Ok(())
}

/// Otherwise the function behind an alias keeps the old values of parameters, or Lambda refuses to publish a version that
/// has none of the changed values.
#[test]
fn each_function_with_an_alias_gets_another_version_if_a_parameter_changes_it() -> Result<()> {
    let template = template::read(&read("template.yaml")?)?;
    let globals = &template["Globals"]["Function"];
    assert_eq!(target(&globals["Tracing"]), Some("Tracing"));
    let Value::Tagged(level) = &globals["LoggingConfig"]["SystemLogLevel"] else {
        bail!("a fixed log level")
    };
    assert_eq!(level.value[0], "HasRequestReports");
    let resources = resources()?;
    let settings = &resources["FunctionSettings"]["Properties"]["Settings"];
    for (name, resource) in &resources {
        let properties = &resource["Properties"];
        if properties["AutoPublishAlias"].is_null() {
            continue;
        }
        let own = &properties["Environment"]["Variables"];
        let Value::Tagged(description) = &properties["VersionDescription"] else {
            bail!("{name} has no VersionDescription");
        };
        let description = description.value.as_str().context("no text")?;
        let has = |part: &str| description.contains(&format!("${{{part}}}"));
        assert!(has("FunctionSettings.All"), "{name}: {description}");
        assert_eq!(has(&format!("FunctionSettings.{name}")), !own.is_null(), "{name}");
        assert_eq!(&settings[name.as_str()], own, "{name}");
        assert_eq!(has("Tracing"), properties["Tracing"].is_null(), "{name}: {description}");
        let has_own_level = !properties["LoggingConfig"]["SystemLogLevel"].is_null();
        assert_eq!(has("RequestReports"), !has_own_level, "{name}: {description}");
    }
    Ok(())
}

//! docs/COST.md.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;

use super::flows::{AUTHORIZER, Amounts, Flow, Flows, Invocations};
use super::prices::{PriceList, Way, is_no_egress};
use crate::{project, template};

const UPLOADS: f64 = 1e6;
/// What ten million views at the edge should cost at most, in USD and as a part of what the review counted.
const EDGE_TARGETS: (f64, f64) = (8.0, 0.25);
/// The flows, as the page names them.
const NAMES: [(&str, &str); 7] = [
    ("upload", "An upload, from the request until the picture is ready"),
    ("list", "A list of 24 images"),
    ("view", "An image and a thumbnail of it"),
    ("creation", "The creation of an image, without its file"),
    ("delivery", "The creation of an image, with its event delivered to a webhook"),
    ("trash", "A deletion into the trash"),
    ("delete", "A permanent deletion, with the work after it"),
];

/// The text of the page.
pub(super) fn text(list: &PriceList, ways: &[Way], flows: &Flows) -> Result<String> {
    let mut page = String::new();
    writeln!(
        page,
        "# What Darkroom costs\n\n`cargo xtask cost` writes this page. The prices are those of {} on {}, in USD. They \
         and all assumptions\nare in `xtask/cost/prices.json`. `cargo xtask cost --measure` measures again.\n",
        list.region, list.read_on
    )?;
    writeln!(
        page,
        "- **Measured**: calls, units of DynamoDB, lines of logs and processor time, on a local stack\n  (build: {}). \
         The uploaded picture has twelve megapixels and {:.1} MB.\n- **Calculated**: billed milliseconds. They \
         are the processor time, divided by the part of a processor that the\n  function has, and the assumed time \
         of calls in sequence.\n- **Assumed**: what [the last table](#assumptions) lists.\n",
        flows.build,
        flows.upload_bytes as f64 / 1e6
    )?;
    uploads(&mut page, list, flows)?;
    views(&mut page, list, ways)?;
    deliveries(&mut page, list, flows)?;
    published(&mut page, list)?;
    fixed(&mut page, list)?;
    measured(&mut page, list, flows)?;
    sources(&mut page, list)?;
    Ok(page)
}

fn uploads(page: &mut String, list: &PriceList, flows: &Flows) -> Result<()> {
    let amounts = flows.named("upload")?.amounts(list, flows.authorization()?);
    let review = &list.review["uploads"];
    writeln!(page, "## A million uploads with three sizes\n")?;
    writeln!(
        page,
        "| | for each upload | before | after | what it is |\n| --- | ---: | ---: | ---: | --- |"
    )?;
    let (mut sum, mut known) = (0.0, 0.0);
    for (thing, price) in &list.prices {
        let Some(amount) = amounts.get(thing.as_str()) else { continue };
        let usd = list.usd(thing, amount * UPLOADS);
        sum += usd;
        let before = review.get(thing).copied();
        known += before.unwrap_or_default();
        writeln!(
            page,
            "| {} | {} | {} | {usd:.2} | {} |",
            price.name,
            each(thing, *amount),
            before.map_or_else(String::new, |before| format!("{before:.2}")),
            source(thing)
        )?;
    }
    writeln!(page, "| others | | {:.2} | | the review does not name them |", review["total"] - known)?;
    writeln!(page, "| **sum** | | **{:.2}** | **{sum:.2}** | |\n", review["total"])?;
    let by_name = |thing: &str| list.usd(thing, amounts.get(thing).copied().unwrap_or_default() * UPLOADS);
    writeln!(
        page,
        "\"Before\" is a review of an earlier state, which had no events and no search. The four files of an upload \
         alone cost\n{:.2} for their PUT requests. With `Events=off`, the sum is {:.2}.\n",
        by_name("s3_puts"),
        sum - by_name("events")
    )?;
    Ok(())
}

/// Where the amount of a thing comes from.
fn source(thing: &str) -> &'static str {
    match thing {
        "gateway" => "measured, and the assumed polls",
        "lambda_requests" => {
            "measured, and the assumed polls and checks of tokens; each record of the stream is an invocation"
        }
        "lambda_time" => "calculated from the measured processor time",
        "logs" => "measured lines, and the assumed size of those of Lambda and the API",
        "traces" => "assumed share",
        _ => "measured",
    }
}

fn views(page: &mut String, list: &PriceList, ways: &[Way]) -> Result<()> {
    let review = &list.review["views"];
    let names = ways.iter().map(|way| way.name).collect::<Vec<_>>().join(" | ");
    writeln!(page, "## Ten million views\n")?;
    writeln!(
        page,
        "A view is one picture that somebody sees. The first column is a review of an earlier state.\n"
    )?;
    writeln!(page, "| | before: redirects | {names} |\n| --- |{}", " ---: |".repeat(ways.len() + 1))?;
    let mut row = |name: &str, before: Option<f64>, cells: Vec<String>| {
        let before = before.map_or_else(String::new, |before| format!("{before:.2}"));
        writeln!(page, "| {name} | {before} | {} |", cells.join(" | "))
    };
    for (thing, price) in list.prices.iter().filter(|(thing, _)| is_no_egress(thing)) {
        let cells: Vec<String> = ways
            .iter()
            .map(|way| way.amounts.get(thing.as_str()))
            .map(|amount| {
                amount.map_or_else(String::new, |amount| format!("{:.2}", list.usd(thing, *amount)))
            })
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            row(&price.name, review.get(thing).copied(), cells)?;
        }
    }
    let sums = |counts: fn(&str) -> bool, free: bool| -> Vec<String> {
        let sums = ways.iter().map(|way| list.sums(way, counts));
        sums.map(|(sum, billed)| format!("{:.2}", if free { billed } else { sum })).collect()
    };
    let without = review["total"] - review["egress"];
    row("**sum without data to the internet**", Some(without), sums(is_no_egress, false))?;
    row("the same, after what is free each month", None, sums(is_no_egress, true))?;
    row("data to the internet", review.get("egress").copied(), sums(|thing| !is_no_egress(thing), false))?;
    row("the same, after what is free each month", None, sums(|thing| !is_no_egress(thing), true))?;
    writeln!(
        page,
        "\nAmounts and bytes are measured (`xtask/cost/measured.json`). Assumed are the share of pictures that \
         CloudFront has to\nread from S3, and the size of a picture. Every account has ten million requests and a \
         terabyte of CloudFront free each\nmonth. No view is counted as free because a browser has the picture in \
         its cache.\n"
    )?;
    if let Some(edge) = ways.last() {
        let ((sum, billed), (most, part)) = (list.sums(edge, is_no_egress), EDGE_TARGETS);
        writeln!(
            page,
            "The targets for the edge were {most} USD, and a quarter of the {without:.2} USD of the review, which is \
             {:.2} USD. By the\nprice list, the edge costs {sum:.2} USD. After what is free each month, it costs \
             {billed:.2} USD.\n",
            without * part
        )?;
    }
    Ok(())
}

/// What a delivery to a webhook costs: the difference between the same creation with a webhook and without one.
fn deliveries(page: &mut String, list: &PriceList, flows: &Flows) -> Result<()> {
    let amounts =
        |flow: &str| Ok::<_, anyhow::Error>(flows.named(flow)?.amounts(list, flows.authorization()?));
    let (with, without) = (amounts("delivery")?, amounts("creation")?);
    writeln!(page, "## A million deliveries to a webhook\n")?;
    writeln!(page, "| | for each delivery | USD |\n| --- | ---: | ---: |")?;
    let mut sum = 0.0;
    for (thing, price) in &list.prices {
        let amount = |amounts: &Amounts| amounts.get(thing.as_str()).copied().unwrap_or_default();
        let more = amount(&with) - amount(&without);
        if more != 0.0 {
            let usd = list.usd(thing, more * UPLOADS);
            sum += usd;
            writeln!(page, "| {} | {} | {usd:.2} |", price.name, each(thing, more))?;
        }
    }
    writeln!(page, "| **sum** | | **{sum:.2}** |\n")?;
    writeln!(
        page,
        "These are the costs that a webhook adds to the creation of an image. The receiver accepts the first attempt.\n"
    )?;
    Ok(())
}

/// The amount of a thing that one repetition needs. Logs need more digits, because one repetition writes a few KB and the
/// price is for a GB.
fn each(thing: &str, amount: f64) -> String {
    if thing == "logs" { format!("{amount:.7}") } else { rounded(amount) }
}

fn published(page: &mut String, list: &PriceList) -> Result<()> {
    let dit = &list.dit;
    let without: f64 =
        dit.services.iter().filter(|(name, _)| !name.contains("CloudFront")).map(|(_, usd)| usd).sum();
    writeln!(page, "## Beside AWS's Dynamic Image Transformation\n")?;
    writeln!(
        page,
        "AWS publishes the [costs of the Lambda architecture]({})\nof its Dynamic Image Transformation for Amazon \
         CloudFront: {}. It makes a\npicture when somebody asks for it, and has no users and uploads.\n",
        dit.source, dit.terms
    )?;
    writeln!(page, "| service | USD for 10 million images |\n| --- | ---: |")?;
    for (name, usd) in &dit.services {
        writeln!(page, "| {name} | {usd:.2} |")?;
    }
    writeln!(page, "| total, as published | {:.2} |\n", dit.total)?;
    writeln!(
        page,
        "Without the row of CloudFront, these are {without:.2} for ten million views. The rows add up to {:.2}, \
         and not to\nthe published total.\n",
        dit.services.values().sum::<f64>()
    )?;
    Ok(())
}

/// What an idle stack costs.
fn fixed(page: &mut String, list: &PriceList) -> Result<()> {
    let template = template::read(&std::fs::read_to_string(project::template())?)?;
    let resources: Vec<_> =
        template["Resources"].as_mapping().into_iter().flat_map(|found| found.values()).collect();
    let alarms = resources.iter().filter(|found| found["Type"] == "AWS::CloudWatch::Alarm").count();
    let queues = resources
        .iter()
        .filter_map(|found| found["Properties"]["Events"].as_mapping())
        .flat_map(|events| events.values())
        .filter(|event| event["Type"] == "SQS")
        .count();
    let (alarms, polls) = (alarms as f64, queues as f64 * list.assumed("polls_for_each_queue"));
    writeln!(page, "## An idle stack\n")?;
    writeln!(page, "| | amount | USD a month | after what is free |\n| --- | ---: | ---: | ---: |")?;
    for (thing, name, amount) in
        [("alarms", "alarms", alarms), ("messages", "polls of Lambda for the queues of the workers", polls)]
    {
        let (all, billed) = (list.usd(thing, amount), list.usd(thing, list.billed(thing, amount)));
        writeln!(page, "| {name} | {amount} | {all:.2} | {billed:.2} |")?;
    }
    writeln!(
        page,
        "\nLambda polls {queues} queues, also if they are empty. These polls do not grow with the uploads. Reads of \
         the table's stream\nby Lambda are free (Amazon DynamoDB Pricing).\n"
    )?;
    Ok(())
}

fn measured(page: &mut String, list: &PriceList, flows: &Flows) -> Result<()> {
    writeln!(page, "## What was measured\n\nNumbers are for one repetition of a flow.\n")?;
    for (name, title) in NAMES {
        let flow = flows.named(name)?;
        let amounts = flow.amounts(list, flows.authorization()?);
        let usd: f64 = amounts.iter().map(|(thing, amount)| list.usd(thing, amount * UPLOADS)).sum();
        writeln!(page, "### {title}\n")?;
        writeln!(page, "A million of them cost {usd:.2} USD, without data to the internet and storage.\n")?;
        writeln!(page, "| function | calls | read units | write units | KB sent | KB received |")?;
        writeln!(page, "| --- | --- | ---: | ---: | ---: | ---: |")?;
        for call in &flow.calls {
            let each = |amount: f64| rounded(amount / flow.times);
            let function = if call.function.is_empty() { "client" } else { &call.function };
            let indexes: Vec<String> = call
                .indexes
                .iter()
                .map(|(name, units)| format!("{} {}", each(*units), name.trim_start_matches("index ")))
                .collect();
            let indexes =
                if indexes.is_empty() { String::new() } else { format!(" ({})", indexes.join(", ")) };
            writeln!(
                page,
                "| {function} | {} {} {} | {} | {}{indexes} | {} | {} |",
                each(call.count),
                call.service,
                call.operation,
                each(call.reads),
                each(call.writes),
                each(call.sent / 1000.0),
                each(call.received / 1000.0)
            )?;
        }
        writeln!(
            page,
            "\n| function | billed invocations | MB | processor, ms | billed, ms | bytes of logs |"
        )?;
        writeln!(page, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        let mut row = |function: &str, billed: f64, from: &Flow, found: &Invocations| {
            writeln!(
                page,
                "| {function} | {} | {} | {} | {} | {:.0} |",
                rounded(billed),
                found.memory_mb,
                rounded(found.cpu_ms / found.count),
                from.billed_ms(function, list),
                found.log_bytes / found.count
            )
        };
        for (function, found) in &flow.invocations {
            row(function, flow.billed_invocations(function, list), flow, found)?;
        }
        let authorization = flows.authorization()?;
        if let Some(found) = authorization.invocations.get(AUTHORIZER) {
            let checks = authorization.authorizer(flow.api_requests(list), list);
            row(AUTHORIZER, checks["lambda_requests"], authorization, found)?;
        }
        writeln!(page)?;
    }
    writeln!(
        page,
        "The brackets name the indexes that a write also changes. A transactional write costs two units for each \
         begun KB of the\ntable's item, and one for each of an index (\"DynamoDB read and write operations\", Amazon \
         DynamoDB Developer Guide).\n"
    )?;
    Ok(())
}

fn sources(page: &mut String, list: &PriceList) -> Result<()> {
    writeln!(page, "## Assumptions\n\n| assumption | value | why |\n| --- | ---: | --- |")?;
    for (name, assumption) in &list.assumptions {
        writeln!(page, "| `{name}` | {} | {} |", assumption.value, assumption.why)?;
    }
    writeln!(
        page,
        "\n## Prices\n\n| | USD | for | free each month | source |\n| --- | ---: | ---: | ---: | --- |"
    )?;
    let mut seen = BTreeSet::new();
    for price in list.prices.values().filter(|price| seen.insert(&price.name)) {
        let (usd, per, free) = (price.usd, price.per, price.free_each_month);
        writeln!(page, "| {} | {usd} | {per} | {free} | {} |", price.name, price.source)?;
    }
    Ok(())
}

/// A number with as many decimals as it needs.
fn rounded(amount: f64) -> String {
    let text = format!("{amount:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([3.0, 0.5, 0.0, 10.0, 1.234].map(rounded), ["3", "0.5", "0", "10", "1.23"]);
    }
}

//! What Darkroom costs by AWS's price list, from what was measured: requests by `cargo xtask bench requests`, and whole
//! flows on a local stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, de::DeserializeOwned};

use crate::stack::Binaries;
use crate::{bench_requests, command, project};

mod flows;
mod page;
mod prices;

use flows::{Flow, Flows};
use prices::{PriceList, Way};

/// How often `bench requests` repeats each request.
const REQUESTS: u32 = 300;

/// A request that `cargo xtask bench requests` measured.
#[derive(Deserialize)]
struct Measured {
    request: String,
    edge: bool,
    gzip_bytes: f64,
    gzip_cpu_ms: f64,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
struct Call {
    operation: String,
    /// The size of the items that the call read.
    bytes: f64,
}

const VIEWS: f64 = 10e6;
const IMAGES_IN_A_LIST: f64 = 24.0;

/// Writes docs/COST.md from what was measured. With `measure`, measures first.
pub(crate) fn run(measure: bool, uploads: u32, binaries: Binaries) -> Result<()> {
    if measure {
        let local = [project::local()];
        let directories = if binaries == Binaries::Local { &local[..] } else { &[] };
        flows::measure(binaries, uploads)?;
        bench_requests::run(directories, REQUESTS, true)?;
    }
    let flows: Flows = read(&flows::file())
        .context("nothing was measured yet; run `cargo xtask cost --measure`, which takes minutes")?;
    let (list, ways) = views(flows.authorization()?)?;
    let text = page::text(&list, &ways, &flows)?;
    list.check_use()?;
    let file = project::root().join("docs/COST.md");
    command::step(&format!("writing {}", file.display()), || Ok(fs::write(&file, text)?))
}

fn views(authorization: &Flow) -> Result<(PriceList, [Way; 3])> {
    let dir = project::root().join("xtask/cost");
    let list: PriceList = read(&dir.join("prices.json"))?;
    let measured: Vec<Measured> = read(&dir.join("measured.json"))?;
    let request = |name: &str, edge| {
        let found = measured.iter().find(|measured| measured.request == name && measured.edge == edge);
        found.with_context(|| {
            format!("measured.json lacks {name:?}; run `cargo xtask bench requests --write`")
        })
    };
    let page = "24 images, as the page asks";
    let (thumbnail, plain, edge) =
        (request("one thumbnail", false)?, request(page, false)?, request(page, true)?);
    let lists = VIEWS / IMAGES_IN_A_LIST;
    let picture_gb = list.assumed("picture_bytes") * VIEWS / 1e9;
    let gb = |measured: &Measured, requests: f64| measured.gzip_bytes * requests / 1e9;

    let mut today = list.requests(thumbnail, VIEWS, authorization);
    today.extend([("s3_gets", VIEWS), ("egress", picture_gb + gb(thumbnail, VIEWS))]);
    let mut without = list.requests(plain, lists, authorization);
    without.extend([("s3_gets", VIEWS), ("egress", picture_gb + gb(plain, lists))]);
    let mut with = list.requests(edge, lists, authorization);
    with.extend([
        ("s3_gets", VIEWS * list.assumed("cache_miss_share")),
        ("cloudfront_requests", VIEWS + lists),
        ("cloudfront_functions", VIEWS),
        ("cloudfront_egress", picture_gb + gb(edge, lists)),
        ("secrets", 1.0),
    ]);
    let ways = [
        Way { name: "each picture by a redirect of /thumbnail", amounts: today },
        Way { name: "lists of 24, without the edge", amounts: without },
        Way { name: "lists of 24, with the edge", amounts: with },
    ];
    Ok((list, ways))
}

impl PriceList {
    /// What a number of equal requests to the API needs, with the checks of their tokens.
    fn requests(&self, measured: &Measured, count: f64, authorization: &Flow) -> BTreeMap<&'static str, f64> {
        const GATEWAY_BYTES: f64 = 512.0 * 1024.0;
        let slowdown = self.assumed("mb_for_a_processor") / self.assumed("memory_mb");
        // The calls of one request run at the same time, except those that need the answer of another one.
        let sequence =
            1.0 + f64::from(u8::from(measured.calls.iter().any(|call| call.operation == "BatchGetItem")));
        let ms = measured.gzip_cpu_ms * slowdown + sequence * self.assumed("ms_for_each_call_in_sequence");
        let units: f64 = measured.calls.iter().map(|call| (call.bytes / 4096.0).ceil()).sum();
        let own = [
            ("gateway", (measured.gzip_bytes / GATEWAY_BYTES).ceil() * count),
            ("lambda_requests", count),
            ("lambda_time", self.assumed("memory_mb") / 1024.0 * ms.ceil() / 1000.0 * count),
            ("table_reads", units * count),
            ("logs", self.assumed("access_log_bytes") * count / 1e9),
            ("traces", self.assumed("traced_share") * count),
        ];
        let mut amounts = authorization.authorizer(count, self);
        for (thing, amount) in own {
            *amounts.entry(thing).or_default() += amount;
        }
        amounts
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::prices::is_no_egress;
    use super::*;
    use crate::cost::flows::tests::authorization;

    pub(super) fn list() -> PriceList {
        read(&project::root().join("xtask/cost/prices.json")).unwrap()
    }

    #[test]
    fn a_request_needs_what_it_was_measured_to_need() {
        let call = |operation: &str, bytes| Call { operation: operation.to_owned(), bytes };
        let measured = Measured {
            request: String::new(),
            edge: false,
            gzip_bytes: 600_000.0,
            gzip_cpu_ms: 1.0,
            calls: vec![call("Query", 24_000.0), call("GetItem", 600.0)],
        };
        let list = list();
        let checks = authorization().authorizer(10.0, &list);
        let amounts = list.requests(&measured, 10.0, &authorization());
        // Two units of 512 KB, and six units of 4 KB for the query.
        assert_eq!((amounts["gateway"], amounts["table_reads"]), (20.0, 70.0));
        // 1 ms of a processor is 7 ms of a seventh of it, and 5 ms wait for the calls.
        let own = amounts["lambda_time"] - checks["lambda_time"];
        assert!((own - 10.0 * 0.25 * 0.012).abs() < 1e-9, "{amounts:?}");
        assert!((amounts["lambda_requests"] - 10.0 - checks["lambda_requests"]).abs() < 1e-9, "{amounts:?}");
    }

    #[test]
    fn an_assumption_that_nothing_uses_is_an_error() {
        let list = list();
        let mut names = list.assumptions.keys();
        let unused = names.next().unwrap();
        for name in names {
            list.assumed(name);
        }
        assert!(list.check_use().unwrap_err().to_string().ends_with(unused));
        list.assumed(unused);
        list.check_use().unwrap();
    }

    #[test]
    fn what_is_free_each_month_is_not_billed() {
        let way =
            Way { name: "", amounts: BTreeMap::from([("cloudfront_requests", 12e6), ("s3_gets", 1e6)]) };
        let (sum, billed) = list().sums(&way, is_no_egress);
        assert!((sum - 12.4).abs() < 1e-9 && (billed - 2.4).abs() < 1e-9, "{sum} {billed}");
    }

    #[test]
    fn views_at_the_edge_cost_less_than_redirects_and_at_most_a_quarter_after_what_is_free() {
        let (list, [today, _, edge]) = views(&authorization()).unwrap();
        let (today, edge) = (list.sums(&today, is_no_egress), list.sums(&edge, is_no_egress));
        assert!(edge.0 < today.0, "{edge:?} of {today:?}");
        assert!(edge.1 * 4.0 <= today.1, "{edge:?} of {today:?}");
    }
}

//! AWS's price list, and what things cost by it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde::Deserialize;

/// AWS's price list, with what is assumed where nothing can be measured here, and the figures to compare with.
#[derive(Deserialize)]
pub(super) struct PriceList {
    pub(super) read_on: String,
    pub(super) region: String,
    pub(super) prices: BTreeMap<String, Price>,
    pub(super) assumptions: BTreeMap<String, Assumption>,
    pub(super) review: BTreeMap<String, BTreeMap<String, f64>>,
    pub(super) dit: Published,
    /// The names of the assumptions that something was calculated with.
    #[serde(skip)]
    used: RefCell<BTreeSet<String>>,
}

/// What AWS publishes about its Dynamic Image Transformation for Amazon CloudFront.
#[derive(Deserialize)]
pub(super) struct Published {
    pub(super) source: String,
    pub(super) terms: String,
    pub(super) services: BTreeMap<String, f64>,
    pub(super) total: f64,
}

#[derive(Deserialize)]
pub(super) struct Price {
    pub(super) name: String,
    pub(super) usd: f64,
    pub(super) per: f64,
    /// What costs nothing each month, for every account and without an end.
    pub(super) free_each_month: f64,
    pub(super) source: String,
}

#[derive(Deserialize)]
pub(super) struct Assumption {
    pub(super) value: f64,
    pub(super) why: String,
}

/// How much of each thing in the price list a way to use Darkroom needs.
pub(super) struct Way {
    pub(super) name: &'static str,
    pub(super) amounts: BTreeMap<&'static str, f64>,
}

/// Data to the internet stands apart, because it depends on the pictures and not on Darkroom.
const EGRESS: [&str; 2] = ["egress", "cloudfront_egress"];

impl PriceList {
    pub(super) fn assumed(&self, name: &str) -> f64 {
        self.used.borrow_mut().insert(name.to_owned());
        self.assumptions.get(name).map_or(0.0, |assumption| assumption.value)
    }

    /// Fails if the page lists an assumption that nothing was calculated with.
    pub(super) fn check_use(&self) -> Result<()> {
        let used = self.used.borrow();
        let unused: Vec<&str> =
            self.assumptions.keys().map(String::as_str).filter(|name| !used.contains(*name)).collect();
        ensure!(
            unused.is_empty(),
            "assumptions of xtask/cost/prices.json are not used: {}",
            unused.join(", ")
        );
        Ok(())
    }

    pub(super) fn usd(&self, thing: &str, amount: f64) -> f64 {
        self.prices.get(thing).map_or(0.0, |price| amount / price.per * price.usd)
    }

    /// The amount beyond what is free each month.
    pub(super) fn billed(&self, thing: &str, amount: f64) -> f64 {
        self.prices.get(thing).map_or(0.0, |price| (amount - price.free_each_month).max(0.0))
    }

    /// The sum for some things, by the price list alone and after what is free each month.
    pub(super) fn sums(&self, way: &Way, counts: impl Fn(&str) -> bool) -> (f64, f64) {
        let amounts = way.amounts.iter().filter(|(thing, _)| counts(thing));
        amounts.fold((0.0, 0.0), |(sum, billed), (thing, amount)| {
            (sum + self.usd(thing, *amount), billed + self.usd(thing, self.billed(thing, *amount)))
        })
    }
}

pub(super) fn is_no_egress(thing: &str) -> bool {
    !EGRESS.contains(&thing)
}

//! The edge: pictures need signed addresses, functions that sign may read the key, and WAF limits public endpoints.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::{read, resources, target};
use crate::template;

/// Public endpoints whose requests contain a token that nobody can guess. The rule for all requests limits them.
const WITH_A_TOKEN: [&str; 2] = ["/api/auth/token/refresh", "/api/auth/token/verify"];

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

/// Whether a statement is there only with addresses at the edge.
fn is_for_the_edge(statement: &Value) -> bool {
    matches!(statement, Value::Tagged(choice) if choice.tag == "If" && choice.value[0] == "HasEdgeDomain")
}

/// The paths that a rule's regular expression of edge-waf.yaml matches. It is a path that ends in `/?$`, with at most one
/// group of alternatives.
fn paths(regex: &str) -> Result<BTreeSet<String>> {
    let path = regex.strip_prefix('^').and_then(|path| path.strip_suffix("/?$")).context("another form")?;
    let Some((before, rest)) = path.split_once('(') else { return Ok([path.to_owned()].into()) };
    let (alternatives, after) = rest.split_once(')').context("a group without an end")?;
    Ok(alternatives.split('|').map(|alternative| format!("{before}{alternative}{after}")).collect())
}

#[test]
fn pictures_at_the_edge_need_a_signed_address() -> Result<()> {
    let resources = resources()?;
    let config = &resources["EdgeDistribution"]["Properties"]["DistributionConfig"];
    for behavior in list(&config["CacheBehaviors"]).chain([&config["DefaultCacheBehavior"]]) {
        let groups = list(&behavior["TrustedKeyGroups"]).filter_map(target).collect::<Vec<_>>();
        if behavior["TargetOriginId"] == "api" {
            assert!(groups.is_empty(), "{behavior:?}");
        } else {
            assert_eq!(groups, ["EdgeKeyGroup"], "{behavior:?}");
        }
    }
    Ok(())
}

#[test]
fn every_endpoint_that_reads_a_bucket_may_sign_for_the_edge() -> Result<()> {
    let resources = resources()?;
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let endpoints = functions.filter(|function| {
        let events = function["Properties"]["Events"].as_mapping();
        events.is_some_and(|events| events.values().any(|event| event["Type"] == "HttpApi"))
    });
    for role in
        endpoints.filter_map(|function| target(&function["Properties"]["Role"])).collect::<BTreeSet<_>>()
    {
        let policies = list(&resources[role]["Properties"]["Policies"]);
        let statements: Vec<_> =
            policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"])).collect();
        let reads_a_bucket = statements
            .iter()
            .any(|statement| list(&statement["Action"]).any(|action| action == "s3:GetObject"));
        let signs = statements.iter().any(|statement| is_for_the_edge(statement));
        assert_eq!(signs, reads_a_bucket, "{role}: whoever makes addresses of pictures needs *read-edge-key");
    }
    Ok(())
}

#[test]
fn the_rules_of_waf_name_every_public_endpoint_that_changes_something() -> Result<()> {
    let resources = resources()?;
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let events = functions.filter_map(|function| function["Properties"]["Events"].as_mapping());
    let routes = events.flat_map(|events| events.values()).map(|event| &event["Properties"]);
    let public = routes.filter(|route| route["Auth"]["Authorizer"] == "NONE" && route["Method"] == "POST");
    let public: BTreeSet<String> = public
        .filter_map(|route| route["Path"].as_str())
        .filter(|path| !WITH_A_TOKEN.contains(path))
        .map(|path| path.replace("{id}", "[^/]+"))
        .collect();
    let waf = template::read(&read("edge-waf.yaml")?)?;
    let mut named = BTreeSet::new();
    for rule in list(&waf["Resources"]["WebAcl"]["Properties"]["Rules"]) {
        let limited = &rule["Statement"]["RateBasedStatement"]["ScopeDownStatement"]["RegexMatchStatement"];
        if let Some(regex) = limited["RegexString"].as_str() {
            named.extend(paths(regex).with_context(|| format!("edge-waf.yaml: {regex}"))?);
        }
    }
    assert_eq!(named, public);
    Ok(())
}

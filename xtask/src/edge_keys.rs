//! Makes and changes the keys with which functions sign addresses for the edge.
//!
//! A stack has room for two keys, A and B. CloudFront trusts the public keys in the parameters `EdgePublicKeyA` and
//! `EdgePublicKeyB`. Functions sign with the private key of `EdgeSigningKey`, which has a secret of its own. CloudFront
//! trusts a new key before functions sign with it, and the old one until somebody retires it. So each address works
//! until it expires.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::seed;

/// How long CloudFront may take to tell all its locations about a new key. It names no time ("a few minutes" for most
/// changes: "Update a distribution", Amazon CloudFront Developer Guide).
const PROPAGATION: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_secs(1);

/// What to do with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Make the first key and turn the edge on.
    First,
    /// Make another key and sign with it. CloudFront still trusts the old one.
    Rotate,
    /// Remove the key with which no function signs.
    Retire,
}

/// Room for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    A,
    B,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Slot {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The parameter with the public key.
    fn parameter(self) -> String {
        format!("EdgePublicKey{self}")
    }

    /// The name of the secret with the private key, as in template.yaml.
    fn secret(self, stack: &str) -> String {
        format!("{stack}/edge-key-{self}")
    }
}

/// Changes the keys of a stack, and returns what to do next. The stack on this machine needs no time to distribute keys.
pub(crate) fn run(aws: &mut Aws, stack: &str, change: Change, is_local: bool) -> Result<String> {
    match change {
        Change::First => {
            first(aws, stack, &[])?;
            let domain = seed::outputs(aws, stack)?.remove("EdgeDomain").unwrap_or_default();
            Ok(format!(
                "The edge is on at https://{domain}/. Pictures have addresses there once EdgeDomainName is set: see docs/EDGE.md."
            ))
        }
        Change::Rotate => {
            let keys = Keys::of(aws, stack)?;
            let new = keys.unused()?;
            let public = make(aws, stack, new)?;
            update(aws, stack, &[(new.parameter(), public)])?;
            if !is_local {
                eprintln!(
                    "CloudFront distributes the key. The command waits for {} s.",
                    PROPAGATION.as_secs()
                );
                sleep(PROPAGATION);
            }
            update(aws, stack, &[("EdgeSigningKey".to_owned(), new.to_string())])?;
            Ok(format!("Functions sign with key {new}. Retire the old key after a day, with --retire."))
        }
        Change::Retire => {
            let old = Keys::of(aws, stack)?.retired()?;
            update(aws, stack, &[(old.parameter(), String::new())])?;
            // The key is worthless now.
            let delete = json!({"SecretId": old.secret(stack), "ForceDeleteWithoutRecovery": true});
            aws.call("secretsmanager", "delete_secret", delete)?;
            Ok(format!("CloudFront does not trust key {old} any more."))
        }
    }
}

/// Turns the edge of the local stack on, at a domain name, unless it is on there.
pub(crate) fn turn_on(aws: &mut Aws, stack: &str, name: &str) -> Result<()> {
    let keys = Keys::of(aws, stack)?;
    if keys.parameter("EdgeDomainName") == name && keys.parameter("Edge") == "on" {
        return Ok(());
    }
    let domain = ("EdgeDomainName".to_owned(), name.to_owned());
    if keys.parameter("Edge") == "on" {
        return update(aws, stack, &[domain]);
    }
    first(aws, stack, &[domain])
}

/// Makes the first key and turns the edge on, with more parameters.
fn first(aws: &mut Aws, stack: &str, more: &[(String, String)]) -> Result<()> {
    let keys = Keys::of(aws, stack)?;
    ensure!(!keys.has(Slot::A) && !keys.has(Slot::B), "the stack {stack} has a key already; use --rotate");
    let public = make(aws, stack, Slot::A)?;
    let own = [("Edge", "on".to_owned()), ("EdgePublicKeyA", public), ("EdgeSigningKey", "A".to_owned())];
    let all = own.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(more.iter().cloned());
    update(aws, stack, &all.collect::<Vec<_>>())
}

/// Makes a key, stores its private part in the slot's secret, and returns its public part.
fn make(aws: &mut Aws, stack: &str, slot: Slot) -> Result<String> {
    let mut key = aws.call("keys", "rsa", json!({}))?;
    let name = slot.secret(stack);
    let description = "Signs addresses of pictures at the edge. Made by cargo xtask edge-keys";
    let create = json!({"Name": name, "Description": description, "SecretString": key["private"]});
    aws.call_unless("ResourceExistsException", "secretsmanager", "create_secret", create)?;
    // If an earlier run left the secret of a key that the stack never got.
    let put = json!({"SecretId": name, "SecretString": key["private"]});
    aws.call("secretsmanager", "put_secret_value", put)?;
    match key["public"].take() {
        Value::String(public) => Ok(public),
        _ => bail!("no key was made"),
    }
}

/// The parameters of a stack.
#[derive(Debug)]
struct Keys(BTreeMap<String, String>);

impl Keys {
    fn of(aws: &mut Aws, stack: &str) -> Result<Self> {
        let keys = Self(parameters(aws, stack)?);
        ensure!(
            keys.0.contains_key("EdgeSigningKey"),
            "the stack {stack} is of a version without the edge; deploy this version first"
        );
        Ok(keys)
    }

    fn parameter(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    fn has(&self, slot: Slot) -> bool {
        !self.parameter(&slot.parameter()).is_empty()
    }

    fn signing(&self) -> Slot {
        if self.parameter("EdgeSigningKey") == "B" { Slot::B } else { Slot::A }
    }

    /// The room for a new key.
    fn unused(&self) -> Result<Slot> {
        let signing = self.signing();
        ensure!(self.has(signing), "the stack has no key yet; make one without --rotate");
        ensure!(!self.has(signing.other()), "CloudFront still trusts two keys; use --retire first");
        Ok(signing.other())
    }

    /// The key with which no function signs.
    fn retired(&self) -> Result<Slot> {
        let old = self.signing().other();
        ensure!(self.has(old), "CloudFront trusts one key only; there is none to retire");
        Ok(old)
    }
}

fn parameters(aws: &mut Aws, stack: &str) -> Result<BTreeMap<String, String>> {
    let answer = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
    let parameters = answer["Stacks"][0]["Parameters"].as_array().context("the stack has no parameters")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(parameters
        .iter()
        .map(|parameter| (text(&parameter["ParameterKey"]), text(&parameter["ParameterValue"])))
        .collect())
}

/// Updates parameters of a stack, and waits until that is done. The template and the other parameters stay.
fn update(aws: &mut Aws, stack: &str, changes: &[(String, String)]) -> Result<()> {
    let names = parameters(aws, stack)?.into_keys();
    let all: Vec<Value> = names
        .map(|name| match changes.iter().find(|(changed, _)| *changed == name) {
            Some((_, value)) => json!({"ParameterKey": name, "ParameterValue": value}),
            None => json!({"ParameterKey": name, "UsePreviousValue": true}),
        })
        .collect();
    let update = json!({
        "StackName": stack,
        "UsePreviousTemplate": true,
        "Parameters": all,
        // The template has roles, and a transform.
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    });
    aws.call("cloudformation", "update_stack", update)?;
    loop {
        let answer = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
        let status = answer["Stacks"][0]["StackStatus"].as_str().unwrap_or_default().to_owned();
        if status == "UPDATE_COMPLETE" {
            return Ok(());
        }
        ensure!(
            status.ends_with("_IN_PROGRESS"),
            "the update of {stack} ended with {status}; CloudFormation's events of the stack name the reason"
        );
        sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(a: &str, b: &str, signing: &str) -> Keys {
        let all = [("EdgePublicKeyA", a), ("EdgePublicKeyB", b), ("EdgeSigningKey", signing)];
        Keys(all.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn a_new_key_takes_the_room_that_is_free() -> Result<()> {
        assert_eq!(keys("a", "", "A").unused()?, Slot::B);
        assert_eq!(keys("", "b", "B").unused()?, Slot::A);
        assert!(keys("", "", "A").unused().is_err());
        assert!(keys("a", "b", "A").unused().is_err());
        Ok(())
    }

    #[test]
    fn only_a_key_with_which_no_function_signs_is_retired() -> Result<()> {
        assert_eq!(keys("a", "b", "B").retired()?, Slot::A);
        assert_eq!(keys("a", "b", "A").retired()?, Slot::B);
        assert!(keys("a", "", "A").retired().is_err());
        Ok(())
    }
}

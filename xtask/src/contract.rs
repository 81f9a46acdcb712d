//! Tests the API with schemathesis: it sends valid and invalid requests, single ones and sequences, and compares every
//! response with docs/openapi.yaml.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::own_stack;
use crate::providers::Providers;
use crate::stack::{Outputs, User};
use crate::venv::SCHEMATHESIS;
use crate::{command, project};

/// Tests a new stack: the operations for admins as the admin, all others as the demo user, and then all operations as a
/// guest, without a token. Each of the three runs takes about `seconds` longer than its minimum.
pub(crate) fn run(seconds: u32) -> Result<()> {
    SCHEMATHESIS.ensure()?;
    fs::create_dir_all(work())?;
    // Without providers, because generated requests to them would cost money.
    own_stack::with(&Providers::default(), |stack, _, outputs| {
        // The file contains passwords. It is deleted with the stack.
        let logins = stack.outputs_file().with_file_name("logins.json");
        fs::write(&logins, logins_of(outputs).to_string())?;
        // The links of the demo user remain. The tier of the admin has none.
        for user in [&outputs.admin, &outputs.demo] {
            let mut python = program("python", outputs, user, &logins);
            python.arg(files().join("pictures.py")).arg(stack.outputs_file());
            command::step(&format!("two pictures of the user {}", user.username), || {
                command::run(&mut python)
            })?;
        }
        let schemathesis = |user| {
            let mut schemathesis = program("schemathesis", outputs, user, &logins);
            schemathesis.arg("--config-file").arg(files().join("schemathesis.toml"));
            schemathesis.args(["run", "--checks", "all", "--report", "ndjson"]);
            schemathesis.args(["--max-time", &seconds.to_string(), "--url", &outputs.api_url]);
            schemathesis.arg(format!("{}/api/openapi.json", outputs.api_url));
            schemathesis
        };
        for (user, filter) in [(&outputs.demo, "--exclude-tag"), (&outputs.admin, "--include-tag")] {
            let mut run = schemathesis(user);
            run.args([filter, "Admin"]);
            command::step(&format!("schemathesis as the user {}", user.username), || command::run(&mut run))?;
        }
        // hooks.py removes the token from each request.
        let mut run = schemathesis(&outputs.demo);
        run.env("AS_GUEST", "1");
        command::step("schemathesis as a guest", || command::run(&mut run))
    })
}

/// A program of the schemathesis environment, with the login of a user.
fn program(name: &str, outputs: &Outputs, user: &User, logins: &Path) -> Command {
    let mut command = Command::new(SCHEMATHESIS.bin(name));
    command.current_dir(work()).env("PYTHONPATH", files()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SCHEMATHESIS_HOOKS", "hooks");
    command.env("LOGINS", logins).env("LOGIN", &user.username).env("API_URL", &outputs.api_url);
    command
}

/// Settings, hooks and pictures.
fn files() -> PathBuf {
    project::root().join("tests/schemathesis")
}

/// The directory of schemathesis's reports and cache.
fn work() -> PathBuf {
    project::target().join("schemathesis")
}

/// How to log in, in the format of Web Fuzzing Commons. Schemathesis logs in again when a session has ended, for example
/// after `POST /api/auth/logout`.
fn logins_of(outputs: &Outputs) -> Value {
    let logins = [&outputs.demo, &outputs.admin].map(|user| {
        let User { username, password } = user;
        json!({
            "name": username,
            "loginEndpointAuth": {
                "endpoint": "/api/auth/login",
                "verb": "POST",
                "contentType": "application/json",
                "payloadRaw": json!({"username": username, "password": password}).to_string(),
                "token": {
                    "extractFrom": "body",
                    "extractSelector": "/access_token",
                    "sendIn": "header",
                    "sendName": "Authorization",
                    "sendTemplate": "Bearer {token}",
                },
            },
        })
    });
    json!({ "auth": logins })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;

    use anyhow::{Context, Result};
    use serde_yaml_ng::Value;

    use crate::{project, template};

    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

    /// Each operation of the contract by method and path.
    fn operations() -> Result<BTreeMap<(String, String), Value>> {
        let text = fs::read_to_string(project::root().join("docs/openapi.yaml"))?;
        let contract: Value = serde_yaml_ng::from_str(&text)?;
        let mut operations = BTreeMap::new();
        for (path, item) in contract["paths"].as_mapping().context("no paths")? {
            let path = path.as_str().context("a path is not text")?;
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    operations.insert((method.to_uppercase(), path.to_owned()), operation.clone());
                }
            }
        }
        Ok(operations)
    }

    #[test]
    fn every_route_of_the_template_is_in_the_contract_and_the_reverse() -> Result<()> {
        let mut routes = BTreeSet::new();
        for function in template::functions(&project::template())? {
            // The contract contains neither the page nor the fallback. It describes HEAD together with GET.
            let is_described = |route: &template::Route| {
                route.method != "HEAD" && ["/api/", "/l/"].iter().any(|start| route.path.starts_with(start))
            };
            for route in function.routes.into_iter().filter(is_described) {
                routes.insert((route.method, route.path, function.bin.clone()));
            }
        }
        let named = |((method, path), operation): ((String, String), Value)| {
            let id = operation["operationId"].as_str().context("no operationId")?;
            // The same function answers for the page and its files, and ids are unique in a contract.
            let function = if id == "docs-page-file" { "docs-page" } else { id };
            Ok((method, path, function.to_owned()))
        };
        assert_eq!(routes, operations()?.into_iter().map(named).collect::<Result<_>>()?);
        Ok(())
    }

    #[test]
    fn an_operation_takes_a_token_where_its_route_does() -> Result<()> {
        let template: Value = serde_yaml_ng::from_str(&fs::read_to_string(project::template())?)?;
        let mut operations = operations()?;
        for resource in template["Resources"].as_mapping().context("no Resources")?.values() {
            for event in
                resource["Properties"]["Events"].as_mapping().into_iter().flat_map(|events| events.values())
            {
                let route = &event["Properties"];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let key = (text(&route["Method"]), text(&route["Path"]));
                if let Some(operation) = operations.remove(&key) {
                    let is_open = operation["security"].as_sequence().is_some_and(Vec::is_empty);
                    assert_eq!(is_open, route["Auth"]["Authorizer"] == "NONE", "{key:?}");
                }
            }
        }
        assert!(operations.is_empty(), "{:?}", operations.keys());
        Ok(())
    }
}

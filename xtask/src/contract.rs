//! docs/openapi.yaml, the contract, tried by schemathesis: requests of all kinds, good and bad, alone and in sequence,
//! with every answer held against it.

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

/// Tries a stack of its own: what everybody may do as the demo user, what admins may as the admin. Each takes about
/// `seconds` beyond what every operation needs at least.
pub(crate) fn run(seconds: u32) -> Result<()> {
    SCHEMATHESIS.ensure()?;
    fs::create_dir_all(work())?;
    // Without a provider: what schemathesis makes up is paid for by nobody.
    own_stack::with(&Providers::default(), |stack, _, outputs| {
        // Passwords: it goes with the stack.
        let logins = stack.outputs_file().with_file_name("logins.json");
        fs::write(&logins, logins_of(outputs).to_string())?;
        for user in [&outputs.demo, &outputs.admin] {
            let mut python = program("python", outputs, user, &logins);
            python.arg(files().join("pictures.py")).arg(stack.outputs_file());
            command::step(&format!("two pictures of the user {}", user.username), || {
                command::run(&mut python)
            })?;
        }
        for (user, filter) in [(&outputs.demo, "--exclude-tag"), (&outputs.admin, "--include-tag")] {
            let mut schemathesis = program("schemathesis", outputs, user, &logins);
            schemathesis.arg("--config-file").arg(files().join("schemathesis.toml"));
            schemathesis.args(["run", "--checks", "all", "--report", "ndjson"]);
            schemathesis.args([filter, "Admin", "--max-time", &seconds.to_string()]);
            schemathesis
                .args(["--url", &outputs.api_url])
                .arg(format!("{}/api/openapi.json", outputs.api_url));
            command::step(&format!("schemathesis as the user {}", user.username), || {
                command::run(&mut schemathesis)
            })?;
        }
        Ok(())
    })
}

/// A program of the schemathesis environment, as one of the users.
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

/// Where schemathesis leaves its reports, and what it remembers of a run.
fn work() -> PathBuf {
    project::target().join("schemathesis")
}

/// How to log in, as Web Fuzzing Commons has it. Schemathesis does so again where a session has ended, as it does by
/// `POST /api/auth/logout`.
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
            // The page is none of the contract, nor is what takes all other addresses.
            for route in function.routes.into_iter().filter(|route| route.path.starts_with("/api/")) {
                routes.insert((route.method, route.path, function.bin.clone()));
            }
        }
        let named = |((method, path), operation): ((String, String), Value)| {
            Ok((method, path, operation["operationId"].as_str().context("no operationId")?.to_owned()))
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

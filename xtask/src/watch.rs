//! Runs `cargo lambda watch`, which rebuilds functions when they change, with the data of the local stack.

use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::{fs, io, thread};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::aws::Aws;
use crate::providers::Providers;
use crate::stack::{Outputs, Stack};
use crate::venv::CARGO_LAMBDA;
use crate::{cargo, command, project, template, tools};

const PORT: u16 = 9000;

/// A variable that only the code of the earlier release reads. It has two values.
const UNREAD: &str = "RETRY_QUEUE";

/// Runs until Ctrl-C.
pub(crate) fn run(stack: &Stack, port: u16) -> Result<()> {
    let (emulator, outputs) = match stack.running() {
        Some(emulator) => (emulator, stack.outputs()?),
        None => stack.up(port, &Providers::from_env()?)?,
    };
    CARGO_LAMBDA.ensure()?;
    tools::ensure()?;
    let config = stack.watch_config();
    fs::write(&config, template::watch_config(&template::functions(&project::template())?))?;
    relay_ipv6();
    println!(
        "The page is at http://127.0.0.1:{PORT}/, the API at /api. Each function is built at its first request."
    );
    let mut watch = Command::new(CARGO_LAMBDA.bin("cargo-lambda"));
    cargo::as_from_a_shell(&mut watch).current_dir(project::root()).args([
        "lambda",
        "watch",
        "--profile",
        "local",
    ]);
    watch.args(["--invoke-address", "127.0.0.1", "--invoke-port", &PORT.to_string()]);
    watch.env("CARGO_LAMBDA_GLOBAL", &config).envs(variables(&mut Aws::local(&emulator)?)?);
    command::run(emulator.configure(&mut watch).envs(tokens(&outputs)))
}

/// Forwards connections from `::1`, the default address of `cargo lambda invoke`. `cargo lambda watch` listens on only
/// one address, and not every machine has `::1`.
fn relay_ipv6() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, PORT)) else { return };
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)) else { continue };
            let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { continue };
            thread::spawn(move || pass_on(client, server));
            thread::spawn(move || pass_on(server_too, client_too));
        }
    });
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    // Either side may close the connection at any time.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// The environment variables that the functions read. Under `watch`, all functions share one environment, so none of
/// these variables may have two values.
fn variables(aws: &mut Aws) -> Result<Vec<(String, String)>> {
    let mut all = Map::new();
    let mut request = json!({});
    loop {
        let mut page = aws.call("lambda", "list_functions", request.clone())?;
        for function in page["Functions"].as_array().context("no functions")? {
            for (name, value) in function["Environment"]["Variables"].as_object().into_iter().flatten() {
                if name == UNREAD {
                    continue;
                }
                let known = all.entry(name.clone()).or_insert_with(|| value.clone());
                if known != value {
                    bail!("template.yaml gives {name} two values; `watch` supports only one");
                }
            }
        }
        match page["NextMarker"].take() {
            Value::Null => break,
            marker => request["Marker"] = marker,
        }
    }
    let pairs = all.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Ok(pairs.collect())
}

/// Variables with which functions verify tokens themselves, because `cargo lambda watch` has no authorizer.
fn tokens(outputs: &Outputs) -> [(&'static str, String); 3] {
    let Outputs { endpoint_url, region, user_pool_id, client_id, .. } = outputs;
    [
        ("JWKS_URL", format!("{endpoint_url}/{user_pool_id}/.well-known/jwks.json")),
        ("JWT_ISSUER", format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}")),
        ("USER_POOL_CLIENT_ID", client_id.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn page(variables: &Value, next: Option<&str>) -> Value {
        let function = json!({"FunctionName": "a", "Environment": {"Variables": variables}});
        json!({"ok": {"Functions": [function, {"FunctionName": "b"}], "NextMarker": next}})
    }

    #[test]
    fn the_variables_of_all_pages_are_passed_on() -> Result<()> {
        let pages = [
            page(&json!({"A": "1", "B": "2", UNREAD: "1"}), Some("b")),
            page(&json!({"A": "1", "C": "3", UNREAD: "2"}), None),
        ];
        let found = variables(&mut Aws::answering(&pages)?)?;
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A", "1"), ("B", "2"), ("C", "3")]);
        let pages = [page(&json!({"A": "1"}), Some("b")), page(&json!({"A": "2"}), None)];
        assert!(variables(&mut Aws::answering(&pages)?).is_err());
        Ok(())
    }

    #[test]
    fn no_variable_of_the_template_has_two_values() -> Result<()> {
        let template = template::read(&fs::read_to_string(project::template())?)?;
        let resources = template["Resources"].as_mapping().context("no Resources")?.values();
        let functions = resources.map(|resource| &resource["Properties"]);
        let mut known = BTreeMap::new();
        for function in functions.chain([&template["Globals"]["Function"]]) {
            for (name, value) in function["Environment"]["Variables"].as_mapping().into_iter().flatten() {
                let name = name.as_str().context("no name")?;
                if name == UNREAD {
                    continue;
                }
                assert_eq!(*known.entry(name).or_insert(value), value, "{name}");
            }
        }
        Ok(())
    }
}

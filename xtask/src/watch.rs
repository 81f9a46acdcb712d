//! Runs `cargo lambda watch`, which rebuilds functions when they change, with the data of the local stack.

use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::{fs, io, thread};

use anyhow::{Context, Result, bail};
use serde_json::{Map, json};

use crate::aws::Aws;
use crate::emulator::Emulator;
use crate::providers::Providers;
use crate::stack::{Outputs, Stack};
use crate::venv::CARGO_LAMBDA;
use crate::{cargo, command, project, template, tools};

const PORT: u16 = 9000;

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
    watch.env("CARGO_LAMBDA_GLOBAL", &config).envs(variables(&emulator)?);
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

/// The environment variables of all functions. Under `watch`, all functions share one environment, so no variable may
/// have two values.
fn variables(emulator: &Emulator) -> Result<Vec<(String, String)>> {
    let mut aws = Aws::local(emulator)?;
    let mut all = Map::new();
    let answer = aws.call("lambda", "list_functions", json!({"MaxItems": 100}))?;
    for function in answer["Functions"].as_array().context("no functions")? {
        for (name, value) in function["Environment"]["Variables"].as_object().into_iter().flatten() {
            let known = all.entry(name.clone()).or_insert_with(|| value.clone());
            if known != value {
                bail!("template.yaml gives {name} two values; `watch` supports only one");
            }
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

//! `cargo lambda watch`: the functions rebuilt as they are edited, on the local stack's data.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, json};

use crate::aws::Aws;
use crate::emulator::Emulator;
use crate::stack::{Outputs, Stack};
use crate::venv::CARGO_LAMBDA;
use crate::{command, project, template};

const ADDRESS: &str = "127.0.0.1";
const PORT: &str = "9000";

/// Runs until Ctrl-C.
pub(crate) fn run(stack: &Stack, port: u16) -> Result<()> {
    let (emulator, outputs) = match stack.running() {
        Some(emulator) => (emulator, stack.outputs()?),
        None => stack.up(port)?,
    };
    CARGO_LAMBDA.ensure()?;
    let config = stack.watch_config();
    fs::write(&config, template::watch_config(&template::functions(&project::template())?))?;
    println!(
        "The functions answer at http://{ADDRESS}:{PORT}/api once they are built, each at its first request."
    );
    let mut watch = Command::new(CARGO_LAMBDA.bin("cargo-lambda"));
    watch.current_dir(project::root()).args(["lambda", "watch", "--profile", "local"]);
    watch.args(["--invoke-address", ADDRESS, "--invoke-port", PORT]);
    watch.env("CARGO_LAMBDA_GLOBAL", &config).envs(variables(&emulator)?);
    command::run(emulator.configure(&mut watch).envs(tokens(&outputs)))
}

/// The variables that the template gives to the functions. Here all functions share one environment,
/// so a name must not mean two things.
fn variables(emulator: &Emulator) -> Result<Vec<(String, String)>> {
    let mut aws = Aws::local(emulator)?;
    let mut all = Map::new();
    let answer = aws.call("lambda", "list_functions", json!({"MaxItems": 100}))?;
    for function in answer["Functions"].as_array().context("no functions")? {
        for (name, value) in function["Environment"]["Variables"].as_object().into_iter().flatten() {
            let known = all.entry(name.clone()).or_insert_with(|| value.clone());
            if known != value {
                bail!("template.yaml gives {name} two values, which `watch` cannot");
            }
        }
    }
    let pairs = all.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Ok(pairs.collect())
}

/// What functions need to verify tokens themselves, as `cargo lambda watch` has no authorizer.
fn tokens(outputs: &Outputs) -> [(&'static str, String); 3] {
    let Outputs { endpoint_url, region, user_pool_id, client_id, .. } = outputs;
    [
        ("JWKS_URL", format!("{endpoint_url}/{user_pool_id}/.well-known/jwks.json")),
        ("JWT_ISSUER", format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}")),
        ("USER_POOL_CLIENT_ID", client_id.clone()),
    ]
}

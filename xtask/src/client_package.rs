//! Builds and tests the npm package in `clients/typescript`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::npm::Package;
use crate::{command, project};

/// Builds and packs the package, and tests it without a stack.
pub(crate) fn test() -> Result<()> {
    let tests = ensure()?;
    command::step("the TypeScript client", || {
        // The tests import modules of tests/clients.
        Package::ensure("clients")?;
        tests.run_logged(&mut tests.command("npx", &["tsc", "--project", "."])?)?;
        let mut node = tests.command("node", &["--test", "--test-reporter=spec"])?;
        node.args(tests.sources()?.iter().filter(|name| name.ends_with(".test.js")));
        command::run(node.env("DARKROOM_CONTRACT", contract()))
    })
}

/// Sends ten pictures through a stack, from fresh projects that install the package. The file `outputs` describes the
/// stack. Without `chromium`, only Node.js sends them.
pub(crate) fn send_pictures(outputs: &Path, chromium: Option<&Path>) -> Result<()> {
    let tests = ensure()?;
    command::step("ten pictures through the TypeScript client", || {
        let mut node = tests.command("node", &["--test", "--test-reporter=spec", "ten-pictures.js"])?;
        node.env("DARKROOM_OUTPUTS", outputs);
        node.envs(chromium.map(|chromium| ("CHROMIUM", chromium)));
        command::run(&mut node)
    })
}

/// Builds and packs the package for its tests, and returns the tests.
fn ensure() -> Result<Package> {
    let client = Package::from(&project::root().join("clients/typescript"), "client")?;
    let tests = Package::ensure("typescript")?;
    command::step("building the TypeScript client", || {
        let mut build = client.command("node", &["scripts/build.js"])?;
        client.run_logged(build.env("DARKROOM_CONTRACT", contract()))?;
        let mut pack = client.command("npm", &["pack", "--ignore-scripts", "--pack-destination"])?;
        client.run_logged(pack.arg(tests.dir()))
    })?;
    Ok(tests)
}

fn contract() -> PathBuf {
    project::root().join("docs/openapi.yaml")
}

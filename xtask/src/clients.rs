//! Tests third-party clients on a running stack: Uppy, and a TypeScript client generated from the contract.

use std::path::Path;

use anyhow::Result;

use crate::npm::Package;
use crate::{command, project};

/// Uploads pictures with both clients. The file `outputs` describes the stack.
pub(crate) fn run(outputs: &Path) -> Result<()> {
    let package = Package::ensure("clients")?;
    let run = |program: &str, arguments: &[&str]| {
        let mut command = package.command(program, arguments)?;
        package.run_logged(command.env("DARKROOM_OUTPUTS", outputs))
    };
    command::step("a client generated from docs/openapi.yaml", || {
        let contract = project::root().join("docs/openapi.yaml");
        run("npx", &["openapi-typescript", &contract.to_string_lossy(), "--output", "api.d.ts"])?;
        run("npx", &["tsc", "--project", "."])?;
        run("node", &["out/client.js"])
    })?;
    command::step("ten files through Uppy", || run("node", &["uppy.js"]))
}

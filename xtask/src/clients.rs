//! Tests clients on a running stack: Uppy, a TypeScript client generated from the contract, the package of Standard
//! Webhooks, the loaders in `clients/loaders` with the packages of front-end frameworks, and the package in
//! `clients/typescript`.

use std::path::Path;

use anyhow::Result;

use crate::npm::Package;
use crate::{client_package, command, project};

/// Uploads and shows pictures with all clients. The file `outputs` describes the stack. Without `chromium`, no client
/// runs in a browser.
pub(crate) fn run(outputs: &Path, chromium: Option<&Path>) -> Result<()> {
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
    command::step("ten files through Uppy", || run("node", &["uppy.js"]))?;
    command::step("a delivery to a webhook", || run("node", &["webhooks.js"]))?;
    loaders(outputs)?;
    client_package::send_pictures(outputs, chromium)
}

/// Shows renditions with next/image, Nuxt Image and unpic. They use `tests/clients/stack.js`, so that package is staged
/// before.
fn loaders(outputs: &Path) -> Result<()> {
    let package = Package::ensure("loaders")?;
    command::step("renditions in next/image, Nuxt Image and unpic", || {
        let mut node = package.command("node", &["loaders.js"])?;
        node.env("DARKROOM_OUTPUTS", outputs);
        node.env("DARKROOM_LOADER", project::root().join("clients/loaders/darkroom.mjs"));
        package.run_logged(&mut node)
    })
}

//! Clients of others, held against a running stack: one in TypeScript that is generated from the contract, and Uppy.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::node::Node;
use crate::stack::Stack;
use crate::{command, project};

/// Has both take pictures through.
pub(crate) fn run(stack: &Stack) -> Result<()> {
    let node = Node::ensure()?;
    let dir = stage()?;
    let log = dir.with_extension("log");
    let outputs = stack.outputs_file();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = node.command(program)?;
        command.current_dir(&dir).env("DARKROOM_OUTPUTS", &outputs).args(arguments);
        command::run_logged(&mut command, &log)
    };
    install(&dir, &run)?;
    command::step("a client generated from docs/openapi.yaml", || {
        let contract = project::root().join("docs/openapi.yaml");
        run("npx", &["openapi-typescript", &contract.to_string_lossy(), "--output", "api.d.ts"])?;
        run("npx", &["tsc", "--project", "."])?;
        run("node", &["out/client.js"])
    })?;
    command::step("ten files through Uppy", || run("node", &["uppy.js"]))
}

/// Lays the sources out under target, where packages can be installed beside them.
fn stage() -> Result<PathBuf> {
    let (sources, dir) = (project::root().join("tests/clients"), project::target().join("clients"));
    fs::create_dir_all(&dir)?;
    for entry in fs::read_dir(&sources).with_context(|| format!("reading {}", sources.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), dir.join(entry.file_name()))?;
        }
    }
    Ok(dir)
}

/// Installs the very packages of package-lock.json, unless they are there.
fn install(dir: &Path, run: &impl Fn(&str, &[&str]) -> Result<()>) -> Result<()> {
    let wanted = fs::read(dir.join("package-lock.json"))?;
    let stamp = dir.join("node_modules/.installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    command::step("npm ci", || {
        run("npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
        Ok(fs::write(&stamp, &wanted)?)
    })
}

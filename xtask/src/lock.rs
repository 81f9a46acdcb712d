//! Pins the packages of PyPI and npm: all direct and indirect dependencies, with versions and hashes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::venv::{self, UV};
use crate::{command, project};

/// The oldest Python that the environments must install on.
const OLDEST_PYTHON: &str = "3.11";

/// Writes the files that pin the packages, after their lists have changed. Pinned packages keep their versions. No file
/// contains the address of a registry.
pub(crate) fn run() -> Result<()> {
    UV.ensure()?;
    let directory = venv::requirements();
    for list in names(&directory)?.iter().filter(|name| name.ends_with(".in")) {
        let name = list.trim_end_matches(".in");
        command::step(&format!("xtask/requirements/{name}.txt"), || {
            let mut uv = Command::new(UV.bin("uv"));
            uv.current_dir(&directory).args([
                "pip",
                "compile",
                "--quiet",
                "--universal",
                "--generate-hashes",
            ]);
            uv.args(["--python-version", OLDEST_PYTHON, "--no-emit-index-url", "--no-emit-find-links"]);
            // Without its directory, since uv writes this name into the file.
            uv.arg(list).args(["--output-file", &format!("{name}.txt")]);
            command::run(uv.env("UV_CUSTOM_COMPILE_COMMAND", "cargo xtask lock"))
        })?;
    }
    let node = Node::ensure()?;
    let log = project::target().join("npm-lock.log");
    let mut packages = vec![String::from("clients/typescript"), String::from("functions/docs/page")];
    packages.extend(names(&project::root().join("tests"))?.iter().map(|name| format!("tests/{name}")));
    let directory = |name: &String| project::root().join(name);
    for name in packages.iter().filter(|name| directory(name).join("package.json").exists()) {
        command::step(&format!("{name}/package-lock.json"), || {
            let mut npm = node.command("npm")?;
            npm.current_dir(directory(name));
            npm.args(["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]);
            command::run_logged(npm.arg("--omit-lockfile-registry-resolved"), &log)
        })?;
    }
    Ok(())
}

/// The names of the files and directories in a directory, in order.
fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

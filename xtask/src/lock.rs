//! Pinning the packages of PyPI and npm: every package that the lists lead to, with its version and its hashes.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::node::Node;
use crate::venv::{self, UV};
use crate::{command, project};

/// The oldest Python that the environments must install on.
const OLDEST_PYTHON: &str = "3.11";
/// The directories under tests/ with a package.json.
const NPM_PACKAGES: [&str; 2] = ["browser", "clients"];

/// Writes the files that pin the packages, after their lists have changed. What is pinned already stays at its
/// version. No file contains the address of a registry.
pub(crate) fn run() -> Result<()> {
    UV.ensure()?;
    let directory = venv::requirements();
    for entry in fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))? {
        let list = entry?.path();
        if list.extension().is_none_or(|extension| extension != "in") {
            continue;
        }
        // By their names alone, since uv writes the name of the list into the file.
        let name = list.with_extension("");
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
            uv.arg(format!("{name}.in")).args(["--output-file", &format!("{name}.txt")]);
            command::run(uv.env("UV_CUSTOM_COMPILE_COMMAND", "cargo xtask lock"))
        })?;
    }
    let node = Node::ensure()?;
    for name in NPM_PACKAGES {
        command::step(&format!("tests/{name}/package-lock.json"), || {
            let mut npm = node.command("npm")?;
            npm.current_dir(project::root().join("tests").join(name));
            npm.args(["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"]);
            command::run(npm.arg("--omit-lockfile-registry-resolved"))
        })?;
    }
    Ok(())
}

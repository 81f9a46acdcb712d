//! Release builds of the functions, as for AWS.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::venv::CARGO_LAMBDA;
use crate::{cargo, command, project, tools};

/// Builds all functions and `others` as for AWS, but for the processor of this machine.
pub(crate) fn build(others: &[&str]) -> Result<()> {
    CARGO_LAMBDA.ensure()?;
    tools::ensure()?;
    command::step("cargo lambda build --release (the first time takes many minutes)", || {
        let mut build = Command::new(CARGO_LAMBDA.bin("cargo-lambda"));
        cargo::as_from_a_shell(&mut build).current_dir(project::root());
        // cargo-lambda links with zig, and calls `python3` to find it.
        let path = tools::path();
        let python = CARGO_LAMBDA.bin("python3").parent().map(Path::to_owned);
        build.env("PATH", env::join_paths(python.into_iter().chain(env::split_paths(&path)))?);
        build.args(["lambda", "build", "--release"]);
        build.arg(if cfg!(target_arch = "aarch64") { "--arm64" } else { "--x86-64" });
        for package in others {
            build.args(["-p", package]);
        }
        for package in fs::read_dir(project::root().join("functions"))? {
            build.arg("-p").arg(package?.file_name());
        }
        command::run(&mut build)
    })
}

/// The path of a function's binary.
pub(crate) fn binary(function: &str) -> PathBuf {
    dir().join(function).join("bootstrap")
}

/// The directory with a subdirectory for each function.
pub(crate) fn dir() -> PathBuf {
    project::target().join("lambda")
}

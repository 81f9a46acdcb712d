//! Measures how many removals of images `workers-stream` processes in a second, and how long a user waits for another
//! user who deletes many images.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, command, compile, project, tools};

const WORKER: &str = "workers-stream";

/// Measures the worker, and also `others`, other builds of it. Each of their calls to AWS takes this time.
pub(crate) fn run(milliseconds: u32, others: &[PathBuf]) -> Result<()> {
    tools::ensure()?;
    let build = ["build", "--profile", "local", "-p", "workers", "--bin", WORKER];
    command::step("building workers-stream", || compile::run(&mut cargo::command(&build)))?;
    let mut bench = Command::new("python3");
    bench.arg(project::root().join("xtask/bench/stream.py")).arg(milliseconds.to_string());
    command::run(bench.arg(project::target().join("local").join(WORKER)).args(others))
}

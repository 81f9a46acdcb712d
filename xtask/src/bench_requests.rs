//! Measures what requests for lists and pictures cost: see `xtask/bench/api_requests.py`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::venv::MINISTACK;
use crate::{command, project, release};

/// Measures the functions in some directories, or those that are built for release. With `write`, `cargo xtask cost` uses
/// what was measured.
pub(crate) fn run(directories: &[PathBuf], requests: u32, write: bool) -> Result<()> {
    // It contains cryptography, which makes the key of the edge.
    MINISTACK.ensure()?;
    let built = if directories.is_empty() {
        release::build(&[])?;
        vec![release::dir()]
    } else {
        directories.to_vec()
    };
    let json = json();
    let mut bench = Command::new(MINISTACK.bin("python"));
    bench.arg(project::root().join("xtask/bench/api_requests.py")).arg("--json").arg(&json);
    // The measurement of levels in shared/api/src/compression.rs reads them.
    bench.arg("--bodies").arg(project::target().join("bench-bodies"));
    command::run(bench.arg(requests.to_string()).args(built))?;
    if write {
        fs::copy(&json, project::root().join("xtask/cost/measured.json"))?;
    }
    Ok(())
}

/// The file with what was measured.
pub(crate) fn json() -> PathBuf {
    project::target().join("bench-requests.json")
}

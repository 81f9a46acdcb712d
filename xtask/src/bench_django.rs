//! Compares endpoints with a Django REST backend that does the same: see `xtask/bench/django_requests.py`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::venv::DJANGO_REST;
use crate::{bench_requests, command, project};

/// Measures the functions in some directories, or those that are built for release, and then Django, and prints a table.
pub(crate) fn run(directories: &[PathBuf], requests: u32) -> Result<()> {
    DJANGO_REST.ensure()?;
    bench_requests::run(directories, requests, false)?;
    command::step("measuring Django", || {
        let mut bench = Command::new(DJANGO_REST.bin("python"));
        bench.arg(project::root().join("xtask/bench/django_requests.py")).arg(bench_requests::json());
        command::run(bench.arg(requests.to_string()))
    })
}

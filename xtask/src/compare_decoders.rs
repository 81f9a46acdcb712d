//! Compares the imaging engine with reference decoders, on one picture in every format and kind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::venv::PILLOW;
use crate::{bench_imaging, project};

const BEGIN: &str = "<!-- decoders: made by `cargo xtask compare-decoders` -->\n";
const END: &str = "<!-- decoders: end -->\n";

/// Compares, and writes the tables to docs/BENCHMARKS.md. With `files`, it compares these and only prints the tables.
pub(crate) fn run(files: &[PathBuf], is_local: bool) -> Result<()> {
    let dir = project::target().join("compare-decoders");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    PILLOW.ensure()?;
    let executable = bench_imaging::executable("thumbnail", is_local)?;
    let mut compare = Command::new(PILLOW.bin("python"));
    compare.arg(project::root().join("xtask/bench/decoders.py")).arg("--darkroom").arg(executable);
    compare.arg("--dir").arg(&dir).args(files);
    let tables = bench_imaging::tables("comparing", &mut compare)?;
    if files.is_empty() {
        bench_imaging::write_tables(&tables, BEGIN, END)?;
    }
    Ok(())
}

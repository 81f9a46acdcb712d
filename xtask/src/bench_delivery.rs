//! Compares renditions with those of sharp, on the same file in one run, and measures the AVIF encoder.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench_imaging::{executable, scripts, sharp, tables, write_tables};
use crate::project;
use crate::venv::PILLOW;

const BEGIN: &str = "<!-- delivery: made by `cargo xtask bench delivery` -->\n";
const END: &str = "<!-- delivery: end -->\n";

/// Measures, and writes the tables to docs/BENCHMARKS.md.
pub(crate) fn run(photo: Option<&Path>, runs: usize) -> Result<()> {
    // The same directory, so that sharp and the pictures are made once.
    let dir = project::target().join("bench-imaging");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    PILLOW.ensure()?;
    let sharp = sharp(&dir, "delivery.mjs")?;
    let (rendition, avif) = (executable("rendition", false)?, executable("avif", false)?);

    let mut bench = Command::new(PILLOW.bin("python"));
    bench.arg(scripts().join("delivery.py")).arg("--darkroom").arg(rendition).arg("--avif").arg(avif);
    bench.arg("--sharp").arg(sharp).arg("--dir").arg(&dir).args(["--runs", &runs.to_string()]);
    if let Some(photo) = photo {
        bench.arg("--photo").arg(photo);
    }
    write_tables(&tables("measuring", &mut bench)?, BEGIN, END)
}

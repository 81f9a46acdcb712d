//! Compares what the imaging engine reads of EXIF with what exiftool reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::venv::PILLOW;
use crate::{apt, bench_imaging, command, project};

/// The package with exiftool. Its source has files of many cameras, with which exiftool is tested.
const PACKAGE: &str = "libimage-exiftool-perl";
const REMEDY: &str = "exiftool is needed. Install it: apt-get install libimage-exiftool-perl, \
                      dnf install perl-Image-ExifTool, brew install exiftool";
const BEGIN: &str = "<!-- exif: made by `cargo xtask compare-exif` -->\n";
const END: &str = "<!-- exif: end -->\n";

/// Compares, and writes the table to docs/BENCHMARKS.md. With `files`, it compares these and only prints the table.
///
/// # Errors
/// Also if a field is wrong.
pub(crate) fn run(files: &[PathBuf], is_local: bool) -> Result<()> {
    let dir = project::target().join("compare-exif");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    PILLOW.ensure()?;
    let executable = bench_imaging::executable("exif", is_local)?;
    let home = project::target().join("tools/exiftool");
    let mut compare = Command::new(PILLOW.bin("python"));
    compare.arg(project::root().join("xtask/bench/exif.py")).arg("--darkroom").arg(executable);
    compare.arg("--exiftool").arg(exiftool(&home)?).env("PERL5LIB", home.join("usr/share/perl5"));
    compare.arg("--dir").arg(&dir).args(files);
    if files.is_empty() {
        compare.arg("--samples").arg(samples(&home.join("source"))?);
    }
    let table = bench_imaging::tables("comparing", &mut compare)?;
    if files.is_empty() {
        bench_imaging::write_tables(&table, BEGIN, END)?;
    }
    Ok(())
}

/// The program: that of the machine, or one that is unpacked to `home`.
fn exiftool(home: &Path) -> Result<PathBuf> {
    let mut version = Command::new("exiftool");
    version.arg("-ver").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Ok(PathBuf::from("exiftool"));
    }
    let program = home.join("usr/bin/exiftool");
    if !program.exists() {
        command::step("fetching exiftool", || apt::unpack(PACKAGE, home).context(REMEDY))?;
    }
    Ok(program)
}

/// The directory with the files of cameras.
fn samples(source: &Path) -> Result<PathBuf> {
    let images = source.join("t/images");
    if !images.exists() {
        command::step("fetching the samples of exiftool", || apt::unpack_source(PACKAGE, source)).context(
            "without the samples, name files or directories of your own: cargo xtask compare-exif FILE…",
        )?;
    }
    Ok(images)
}

//! Compares the imaging engine with sharp and Pillow, on the same files in one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::venv::PILLOW;
use crate::{cargo, command, project, tools};

const SHARP: &str = "sharp@0.35.5";
const BEGIN: &str = "<!-- imaging: made by `cargo xtask bench imaging` -->\n";
const END: &str = "<!-- imaging: end -->\n";

/// Measures, and writes the tables to docs/BENCHMARKS.md.
pub(crate) fn run(photo: Option<&Path>, runs: usize) -> Result<()> {
    let dir = project::target().join("bench-imaging");
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    PILLOW.ensure()?;
    let sharp = sharp(&dir, "sharp.mjs")?;
    let executable = executable("thumbnail", false)?;

    let mut bench = Command::new(PILLOW.bin("python"));
    bench.arg(scripts().join("imaging.py")).arg("--darkroom").arg(executable).arg("--sharp").arg(sharp);
    bench.arg("--dir").arg(&dir).args(["--runs", &runs.to_string()]);
    if let Some(photo) = photo {
        bench.arg("--photo").arg(photo);
    }
    write_tables(&tables("measuring", &mut bench)?, BEGIN, END)
}

/// Runs a script that measures or compares, and prints the tables that it writes.
///
/// # Errors
/// If the script fails. The tables are printed also then.
pub(crate) fn tables(step: &str, script: &mut Command) -> Result<String> {
    let output =
        command::step(step, || Ok(command::spawn(script.stdout(Stdio::piped()))?.wait_with_output()?))?;
    let tables = String::from_utf8(output.stdout)?;
    print!("{tables}");
    if !output.status.success() {
        bail!("{step} ended with {}", output.status);
    }
    Ok(tables)
}

/// Writes tables to their place in docs/BENCHMARKS.md.
pub(crate) fn write_tables(tables: &str, begin: &str, end: &str) -> Result<()> {
    let page = project::root().join("docs/BENCHMARKS.md");
    let text = fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(begin).context("docs/BENCHMARKS.md has no place for this")?;
    let (_, after) = rest.split_once(end).context("docs/BENCHMARKS.md has no place for this")?;
    Ok(fs::write(&page, format!("{before}{begin}\n{tables}\n{end}{after}"))?)
}

/// The directory of the scripts that measure.
pub(crate) fn scripts() -> PathBuf {
    project::root().join("xtask/bench")
}

/// Installs sharp from npm next to a script, because Node.js searches for packages from the script's directory upwards.
pub(crate) fn sharp(dir: &Path, script: &str) -> Result<PathBuf> {
    let home = dir.join("sharp");
    let stamp = home.join("installed");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == SHARP) {
        command::step(&format!("installing {SHARP}"), || {
            fs::create_dir_all(&home)?;
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"]).arg(&home).arg(SHARP);
            command::run_logged(&mut npm, &home.join("npm.log"))?;
            Ok(fs::write(&stamp, SHARP)?)
        })?;
    }
    fs::copy(scripts().join(script), home.join(script))?;
    Ok(home)
}

/// Builds an example of the imaging engine, for release or as the local stack has it.
pub(crate) fn executable(example: &str, is_local: bool) -> Result<PathBuf> {
    tools::ensure()?;
    let (profile, directory) = if is_local { ("local", "local") } else { ("release", "release") };
    command::step(&format!("building the example {example} with the profile {profile}"), || {
        let build = ["build", "--profile", profile, "-p", "imaging", "--example", example];
        command::run(&mut cargo::command(&build))
    })?;
    Ok(project::target().join(directory).join("examples").join(example))
}

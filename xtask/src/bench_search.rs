//! Measures searches among many images of one user: see `xtask/bench/search.py`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::judge::Judge;
use crate::venv::SAM;
use crate::{command, project, release};

/// Measures searches among `images` images with the build of images-list in a directory, or with the one that is built
/// for release, and prints a table.
pub(crate) fn run(images: u32, directory: Option<&Path>) -> Result<()> {
    // It contains boto3 and cryptography.
    SAM.ensure()?;
    let judge = Judge::ensure()?;
    let directory = match directory {
        Some(directory) => directory.to_owned(),
        None => {
            release::build(&[])?;
            release::dir()
        }
    };
    let mut bench = Command::new(SAM.bin("python"));
    bench.arg(project::root().join("xtask/bench/search.py")).arg(images.to_string());
    command::run(command::without_proxy(bench.args(judge.dynalite()).arg(directory)))
}

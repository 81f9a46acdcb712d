//! Measures searches among many images of one user: see `xtask/bench/search.py`.

use std::process::Command;

use anyhow::Result;

use crate::providers::Providers;
use crate::stack::Binaries;
use crate::venv::SAM;
use crate::{command, own_stack, project};

/// Measures searches among `images` images on a new stack with release builds, and prints a table.
pub(crate) fn run(images: u32) -> Result<()> {
    // It contains boto3.
    SAM.ensure()?;
    own_stack::with_binaries(Binaries::Release, &Providers::default(), |stack, emulator, _| {
        command::step("measuring searches", || {
            let mut bench = Command::new(SAM.bin("python"));
            bench.arg(project::root().join("xtask/bench/search.py")).arg(stack.outputs_file());
            command::run(emulator.configure(bench.arg(images.to_string())))
        })
    })
}

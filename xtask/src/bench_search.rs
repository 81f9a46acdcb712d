//! Measures searches among many images of one user: see `xtask/bench/search.py`.

use std::process::Command;

use anyhow::Result;

use crate::providers::Providers;
use crate::stack::Binaries;
use crate::venv::SAM;
use crate::{command, own_stack, project};

/// Measures searches among `images` images on a new stack with these builds of the functions, and prints a table.
pub(crate) fn run(images: u32, binaries: Binaries) -> Result<()> {
    // It contains boto3.
    SAM.ensure()?;
    own_stack::with_binaries(binaries, &Providers::default(), |stack, emulator, _| {
        command::step("measuring searches", || {
            let mut bench = Command::new(SAM.bin("python"));
            bench.arg(project::root().join("xtask/bench/search.py")).arg(stack.outputs_file());
            command::run(emulator.configure(bench.arg(images.to_string())))
        })
    })
}

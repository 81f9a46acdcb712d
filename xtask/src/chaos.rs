//! Runs the test binary `chaos` on a new stack: tests/README.md explains what it does.

use anyhow::Result;

use crate::standins::Standins;
use crate::{compile, own_stack, test};

/// The name of the only test of the binary.
const TEST: &str = "nothing_is_lost_and_every_counter_is_exact";

/// Sends this number of files. The seed decides what happens.
pub(crate) fn run(uploads: u32, seed: u64) -> Result<()> {
    let standins = Standins::start()?;
    own_stack::with(&standins.providers(), |stack, _, _| {
        let what = ["--profile", "local", "-p", "tests", "--test", "chaos"];
        let mut cargo = test::cargo_test(&what, &[TEST.to_owned()]);
        cargo.args(["--exact", "--nocapture"]);
        cargo.env("DARKROOM_CHAOS_UPLOADS", uploads.to_string()).env("DARKROOM_CHAOS_SEED", seed.to_string());
        cargo.env("DARKROOM_STANDINS", &standins.address).env("DARKROOM_OUTPUTS", stack.outputs_file());
        stack.judged(|| compile::run(&mut cargo))
    })
}

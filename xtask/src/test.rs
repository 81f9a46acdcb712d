//! Everything that can be tested: unit tests, then the end-to-end suite, other people's clients and the page against
//! a stack of its own.

use std::process::Command;

use anyhow::Result;

use crate::emulator::Emulator;
use crate::judge::Judge;
use crate::stack::{Outputs, Stack};
use crate::standins::Standins;
use crate::{browser, clients, command, compile, own_stack, tools, web};

/// Runs the tests whose names contain one of `filters`, or all.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    tools::ensure()?;
    if filters.is_empty() {
        // Rather than after a quarter of an hour.
        browser::ensure()?;
    }
    let judge = Judge::ensure()?;
    command::step("unit tests", || {
        // An endpoint's own file is wiring without unit tests, and each would be linked once more for none.
        let targets = ["--profile", "local", "--no-fail-fast", "--lib", "--test", "develop"];
        compile::run(cargo_test(&targets, filters).envs(judge.environment()))?;
        compile::run(&mut cargo_test(&["-p", "xtask"], filters))?;
        web::run(filters)
    })?;
    let standins = Standins::start()?;
    own_stack::with(&standins.providers(), |stack, emulator, outputs| {
        end_to_end(stack, emulator, outputs, &standins, filters)
    })
}

fn end_to_end(
    stack: &Stack,
    emulator: &Emulator,
    outputs: &Outputs,
    standins: &Standins,
    filters: &[String],
) -> Result<()> {
    let stage = |name: &str, work: &dyn Fn() -> Result<()>| stack.judged(|| command::step(name, work));
    stage("tests of the store against the table", &|| {
        // Selected as the unit tests are, so that nothing is built again.
        let mut cargo = cargo_test(&["--profile", "local", "--test", "quota", "--test", "states"], filters);
        compile::run(emulator.configure(&mut cargo).env("TABLE_NAME", &outputs.table))
    })?;
    stage("end-to-end tests", &|| {
        let mut cargo = cargo_test(&["--profile", "local", "--no-fail-fast", "-p", "tests"], filters);
        cargo.env("DARKROOM_STANDINS", &standins.address);
        cargo.env("DARKROOM_XTASK", std::env::current_exe()?);
        compile::run(cargo.env("DARKROOM_OUTPUTS", stack.outputs_file()))
    })?;
    if !filters.is_empty() {
        return Ok(());
    }
    stack.judged(|| clients::run(stack))?;
    browser::run(stack, Some(standins), None)
}

fn cargo_test(what: &[&str], filters: &[String]) -> Command {
    let mut cargo = command::cargo(&["test"]);
    command::without_proxy(&mut cargo).args(what).arg("--").args(filters);
    cargo
}

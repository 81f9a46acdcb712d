//! Runs all tests: unit tests, then the end-to-end tests, third-party clients and browser tests on a new stack.

use std::process::Command;

use anyhow::Result;

use crate::emulator::Emulator;
use crate::judge::Judge;
use crate::stack::{Binaries, Outputs, Stack};
use crate::standins::Standins;
use crate::{browser, cargo, clients, command, compile, own_stack, tools, web};

/// Runs the tests whose names contain one of `filters`, or all.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    ensure_browser(filters)?;
    if std::env::var_os("SKIP_UNIT").is_none() {
        unit(filters)?;
    }
    on_own_stack(Binaries::Local, filters)
}

/// Runs the end-to-end tests whose names contain one of `filters`, or all, with release builds of the functions.
pub(crate) fn run_release(filters: &[String]) -> Result<()> {
    ensure_browser(filters)?;
    on_own_stack(Binaries::Release, filters)
}

/// Finds the browser at once, because the tests need it only after a quarter of an hour.
fn ensure_browser(filters: &[String]) -> Result<()> {
    if filters.is_empty() {
        browser::ensure()?;
    }
    Ok(())
}

fn unit(filters: &[String]) -> Result<()> {
    tools::ensure()?;
    let judge = Judge::ensure()?;
    command::step("unit tests", || {
        // The binaries contain the unit tests of the endpoints.
        let targets = ["--profile", "local", "--no-fail-fast", "--lib", "--bins", "--test", "develop"];
        compile::run(cargo_test(&targets, filters).envs(judge.environment()))?;
        compile::run(&mut cargo_test(&["-p", "xtask"], filters))?;
        web::run(filters)
    })
}

fn on_own_stack(binaries: Binaries, filters: &[String]) -> Result<()> {
    let standins = Standins::start()?;
    own_stack::with_binaries(binaries, &standins.providers(), |stack, emulator, outputs| {
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
        // With the same selection of packages as the unit tests, so that cargo rebuilds nothing.
        let mut cargo = cargo_test(&["--profile", "local", "--test", "quota", "--test", "states"], filters);
        compile::run(emulator.configure(&mut cargo).env("TABLE_NAME", &outputs.table))
    })?;
    stage("end-to-end tests", &|| {
        let mut cargo = cargo_test(&["--profile", "local", "--no-fail-fast", "-p", "tests"], filters);
        // Includes the tests that need the local stack. Only runs on other stacks leave them out.
        cargo.arg("--include-ignored");
        // The tests mostly wait.
        cargo.arg("--test-threads=6");
        cargo.env("DARKROOM_STANDINS", &standins.address);
        cargo.env("DARKROOM_XTASK", std::env::current_exe()?);
        compile::run(cargo.env("DARKROOM_OUTPUTS", stack.outputs_file()))
    })?;
    if !filters.is_empty() {
        return Ok(());
    }
    stack.judged(|| clients::run(&stack.outputs_file()))?;
    browser::run(stack, Some(standins), None)
}

/// `cargo test` for the tests whose names contain one of `filters`.
pub(crate) fn cargo_test(what: &[&str], filters: &[String]) -> Command {
    let mut cargo = cargo::command(&["test"]);
    command::without_proxy(&mut cargo).args(what).arg("--").args(filters);
    cargo
}

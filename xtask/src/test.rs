//! Everything that can be tested: unit tests, then the end-to-end suite against a stack of its own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::stack::Stack;
use crate::standins::Standins;
use crate::{command, project};

/// Runs the tests whose names contain one of `filters`, or all.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    command::step("unit tests", || {
        // An endpoint's own file is wiring without unit tests, and each would be linked once more for none.
        let targets = ["--profile", "local", "--no-fail-fast", "--lib", "--test", "develop"];
        command::run(&mut cargo_test(&targets, filters))?;
        command::run(&mut cargo_test(&["-p", "xtask"], filters))
    })?;
    let dir = project::target().join(format!("e2e-{}", std::process::id()));
    let stack = Stack::new(&dir, false)?;
    let interrupted = dir.clone();
    ctrlc::set_handler(move || {
        if let Err(error) = end(&interrupted) {
            eprintln!("{error:#}");
        }
        std::process::exit(130);
    })?;
    let result = end_to_end(&stack, filters);
    if result.is_err() {
        keep_logs(&stack)?;
    }
    end(&dir)?;
    result
}

fn end_to_end(stack: &Stack, filters: &[String]) -> Result<()> {
    let standins = command::step("starting what stands in for OpenAI", Standins::start)?;
    let (emulator, outputs) = stack.up(free_port()?, &standins.providers())?;
    command::step("tests of the store against the table", || {
        // Selected as the unit tests are, so that nothing is built again.
        let mut cargo = cargo_test(&["--profile", "local", "--test", "states"], filters);
        command::run(emulator.configure(&mut cargo).env("TABLE_NAME", &outputs.table))
    })?;
    command::step("end-to-end tests", || {
        let mut cargo = cargo_test(&["--profile", "local", "--no-fail-fast", "-p", "tests"], filters);
        cargo.env("DARKROOM_STANDINS", &standins.address);
        command::run(cargo.env("DARKROOM_OUTPUTS", stack.outputs_file()))
    })
}

fn cargo_test(what: &[&str], filters: &[String]) -> Command {
    let mut cargo = command::cargo(&["test"]);
    cargo.args(what).arg("--").args(filters);
    cargo
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr()?.port())
}

fn keep_logs(stack: &Stack) -> Result<()> {
    let dir = project::target().join("e2e-logs");
    fs::create_dir_all(&dir)?;
    for log in stack.logs() {
        if let (true, Some(name)) = (log.exists(), log.file_name()) {
            let copy = dir.join(name);
            fs::copy(&log, &copy)?;
            eprintln!("The log is kept: {}", copy.display());
        }
    }
    Ok(())
}

/// Removes the stack. At Ctrl-C the tests end too, so both come here, and one does it.
fn end(dir: &Path) -> Result<()> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    if dir.exists() {
        Stack::new(dir, false)?.down(true)?;
        fs::remove_dir_all(dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    Ok(())
}

//! Runs all tests: unit tests, then the end-to-end tests, third-party clients and browser tests on new stacks.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use clap::ValueEnum;

use crate::emulator::Emulator;
use crate::judge::Judge;
use crate::stack::{Binaries, Outputs, Stack};
use crate::standins::Standins;
use crate::venv::{DJANGO, MINISTACK};
use crate::{
    browser, cargo, client_package, clients, command, compile, import, own_stack, project, tools, web,
};

/// A part of the tests.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    /// Unit tests
    Unit,
    /// Tests of the table, the API, third-party clients, and the page in a browser
    Features,
    /// Tests in which AWS or functions fail or functions lack a permission, and tests of load
    Failures,
    /// Tests of a stack with the edge in front
    Edge,
}

/// The test binaries of a part of the end-to-end tests.
const API: &[&str] = &["--lib", "--test", "api"];
const FAILURES: &[&str] = &["--test", "chaos", "--test", "faults", "--test", "load", "--test", "policies"];
const EDGE: &[&str] = &["--test", "edge"];
/// The tests of the page that also run behind the edge.
const PAGE_AT_THE_EDGE: &str = "at the edge|axe-core";

/// Runs the tests whose names contain one of `filters`, or all, of one part or of all.
pub(crate) fn run(only: Option<Part>, filters: &[String]) -> Result<()> {
    match only {
        Some(Part::Unit) => {
            unit(filters)?;
            if filters.is_empty() { client_package::test() } else { Ok(()) }
        }
        Some(Part::Failures) => on_own_stack(Binaries::Local, FAILURES, filters),
        Some(Part::Features) => {
            ensure_browser(filters)?;
            on_own_stack(Binaries::Local, API, filters)
        }
        Some(Part::Edge) => {
            ensure_browser(filters)?;
            at_the_edge(filters)
        }
        None => {
            ensure_browser(filters)?;
            unit(filters)?;
            if filters.is_empty() {
                return end_to_end_in_parallel();
            }
            on_own_stack(Binaries::Local, &without_edge(), filters)
        }
    }
}

/// The test binaries for a stack without the edge.
fn without_edge() -> Vec<&'static str> {
    [API, FAILURES].concat()
}

/// Runs all end-to-end tests, on three stacks. Two of them run at a time, because the tests mostly wait. While the functions
/// are built, runs the tests of the TypeScript client, which need no stack.
fn end_to_end_in_parallel() -> Result<()> {
    let standins = Standins::start()?;
    eprintln!(
        "The tests of failures, and then those with the edge, run at the same time. They print at the end."
    );
    // Otherwise the second process would compile beside the tests.
    compile::run(&mut cargo_test(&["--profile", "local", "-p", "tests", "--no-run"], &[]))?;
    let others = thread::spawn(|| (client_package::test(), failures_and_edge()));
    let providers = standins.providers();
    let features = own_stack::with_binaries(Binaries::Local, &providers, |stack, emulator, outputs| {
        let table = table(stack, emulator, outputs, &[]);
        let api = over_http(stack, &standins, API, &[]);
        all([table, api, page(stack, &standins)])
    });
    let waiting = || others.join().map_err(|_| anyhow!("the thread panicked"));
    let (client, others) =
        command::step("waiting for the tests of failures and those with the edge", waiting)?;
    all(others.into_iter().map(|ended| ended.and_then(Ended::show)).chain([client, features]))
}

/// Runs the tests of failures and then those with the edge. Ctrl-C ends both.
fn failures_and_edge() -> Vec<Result<Ended>> {
    let mut ended = vec![Part::Failures.in_another_process()];
    if !ended.iter().flatten().any(|part| part.status.code() == Some(own_stack::INTERRUPTED)) {
        ended.push(Part::Edge.in_another_process());
    }
    ended
}

/// Joins the errors of several parts, so that the last lines of the output say everything that failed.
fn all(parts: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let errors: Vec<String> =
        parts.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(())
}

/// A part of the tests that ran in another process.
struct Ended {
    status: ExitStatus,
    output: PathBuf,
}

impl Part {
    /// Runs `cargo xtask test` for one part, because each process can have one stack.
    fn in_another_process(self) -> Result<Ended> {
        let value = self.to_possible_value().context("a part without a name")?;
        let name = value.get_name();
        let output = project::target().join(format!("test-{name}.log"));
        let log = fs::File::create(&output)?;
        let mut test = Command::new(std::env::current_exe()?);
        test.args(["test", "--only", name]).stdout(log.try_clone()?).stderr(log);
        Ok(Ended { status: command::spawn(&mut test)?.wait()?, output })
    }
}

impl Ended {
    fn show(self) -> Result<()> {
        println!("{}", String::from_utf8_lossy(&fs::read(&self.output)?));
        ensure!(
            self.status.success(),
            "tests failed. Their output is above, and in {}",
            self.output.display()
        );
        Ok(())
    }
}

/// Runs the end-to-end tests whose names contain one of `filters`, or all, with release builds of the functions.
pub(crate) fn run_release(filters: &[String]) -> Result<()> {
    ensure_browser(filters)?;
    on_own_stack(Binaries::Release, &without_edge(), filters)
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
    // It contains botocore, whose signatures the store's tests compare with ours.
    MINISTACK.ensure()?;
    command::step("unit tests", || {
        // The binaries contain the unit tests of the endpoints.
        let targets = ["--profile", "local", "--no-fail-fast", "--lib", "--bins", "--test", "develop"];
        let mut tests = cargo_test(&targets, filters);
        tests.envs(judge.environment()).env("DARKROOM_BOTOCORE", MINISTACK.bin("python"));
        compile::run(&mut tests)?;
        let import = [&["--profile", "local", "--no-fail-fast"], import::TARGET].concat();
        compile::run(&mut cargo_test(&import, filters))?;
        compile::run(&mut cargo_test(&["-p", "xtask"], filters))?;
        web::run(filters)
    })
}

fn on_own_stack(binaries: Binaries, what: &[&str], filters: &[String]) -> Result<()> {
    let standins = Standins::start()?;
    own_stack::with_binaries(binaries, &standins.providers(), |stack, emulator, outputs| {
        end_to_end(stack, emulator, outputs, &standins, what, filters)
    })
}

/// Runs the tests of a stack with the edge in front.
fn at_the_edge(filters: &[String]) -> Result<()> {
    let standins = Standins::start()?;
    own_stack::with_edge(&standins.providers(), |stack, _, _| {
        let api = over_http(stack, &standins, EDGE, filters);
        if !filters.is_empty() {
            return api;
        }
        all([api, browser::run(stack, Some(&standins), Some(PAGE_AT_THE_EDGE))])
    })
}

fn end_to_end(
    stack: &Stack,
    emulator: &Emulator,
    outputs: &Outputs,
    standins: &Standins,
    what: &[&str],
    filters: &[String],
) -> Result<()> {
    if what != FAILURES {
        table(stack, emulator, outputs, filters)?;
    }
    over_http(stack, standins, what, filters)?;
    if what == FAILURES || !filters.is_empty() { Ok(()) } else { page(stack, standins) }
}

/// Runs the tests of third-party clients and of the page.
fn page(stack: &Stack, standins: &Standins) -> Result<()> {
    stack.judged(|| clients::run(&stack.outputs_file(), Some(&browser::ensure()?)))?;
    browser::run(stack, Some(standins), None)
}

fn table(stack: &Stack, emulator: &Emulator, outputs: &Outputs, filters: &[String]) -> Result<()> {
    stage(stack, "tests of the store against the table", || {
        // With the same selection of packages as the unit tests, so that cargo rebuilds nothing.
        let mut cargo = cargo_test(
            &["--profile", "local", "--test", "quota", "--test", "search", "--test", "states"],
            filters,
        );
        compile::run(emulator.configure(&mut cargo).env("TABLE_NAME", &outputs.table))
    })
}

fn over_http(stack: &Stack, standins: &Standins, what: &[&str], filters: &[String]) -> Result<()> {
    if what != EDGE {
        DJANGO.ensure()?;
        // Several tests call `cargo xtask import` at the same time.
        import::build()?;
    }
    stage(stack, "end-to-end tests", || {
        let what = [&["--profile", "local", "--no-fail-fast", "-p", "tests"], what].concat();
        let mut cargo = cargo_test(&what, filters);
        // Includes the tests that need the local stack. Only runs on other stacks leave them out.
        cargo.arg("--include-ignored");
        // The tests mostly wait.
        cargo.arg("--test-threads=6");
        cargo.env("DARKROOM_STANDINS", &standins.address);
        cargo.env("DARKROOM_DJANGO", DJANGO.bin("python"));
        cargo.env("DARKROOM_XTASK", std::env::current_exe()?);
        compile::run_tests(cargo.env("DARKROOM_OUTPUTS", stack.outputs_file()))
    })
}

fn stage(stack: &Stack, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    stack.judged(|| command::step(name, work))
}

/// `cargo test` for the tests whose names contain one of `filters`.
pub(crate) fn cargo_test(what: &[&str], filters: &[String]) -> Command {
    let mut cargo = cargo::command(&["test"]);
    command::without_proxy(&mut cargo).args(what).arg("--").args(filters);
    cargo
}

//! `cargo xtask …`: the commands of this repository. They need only Rust, a C compiler and Python 3.

mod aws;
mod bench;
mod bench_imaging;
mod bench_stream;
mod browser;
mod cargo;
mod chaos;
mod clients;
mod command;
mod compare_decoders;
mod compile;
mod contract;
mod emulator;
mod judge;
mod lint;
mod lock;
mod logs;
mod node;
mod npm;
mod own_stack;
mod permissions;
mod project;
mod providers;
#[cfg(test)]
mod recipes;
mod redrive;
mod release;
mod remote;
mod routes;
mod seed;
mod stack;
mod standins;
mod template;
mod test;
mod tools;
mod venv;
mod watch;
mod web;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::aws::Aws;
use crate::providers::Providers;
use crate::stack::Stack;
use crate::standins::Standins;

/// Builds, runs, tests and measures Darkroom.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start the whole service on this machine, or update it if it runs.
    Up {
        #[command(flatten)]
        local: Local,
        /// Return when the service is ready, instead of showing the functions' logs until Ctrl-C.
        #[arg(long)]
        detach: bool,
    },
    /// Stop the local service. Its data stays for the next `up`.
    Down {
        #[command(flatten)]
        place: Place,
        /// Also delete all uploads, users and logs.
        #[arg(long)]
        purge: bool,
    },
    /// Run the functions with `cargo lambda watch` at 127.0.0.1:9000, with the data of the local service.
    Watch {
        #[command(flatten)]
        local: Local,
    },
    /// Run all tests: unit tests, and on two new stacks the end-to-end tests, third-party clients and browser tests.
    Test {
        /// Run only tests whose names contain one of these strings.
        filters: Vec<String>,
        /// Run only the end-to-end tests, against this stack on AWS. At the end, the run deletes the users, images and
        /// tiers that it made. It lists the tests that need the local stack, and does not run them.
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
        /// The region of that stack [default: the region of your AWS configuration].
        #[arg(long, requires = "stack")]
        region: Option<String>,
        /// Run only the end-to-end tests, with the functions that `cargo lambda build --release` builds for AWS.
        #[arg(long, conflicts_with = "stack")]
        release: bool,
        /// Run only this part.
        #[arg(long, conflicts_with_all = ["stack", "release"])]
        only: Option<test::Part>,
    },
    /// Let many users upload, replace and delete on a new stack while events are repeated, delayed and lost, functions are
    /// killed, and DynamoDB, S3 and SQS fail. Afterwards, fail if anything was lost or left over, or a counter is wrong.
    Chaos {
        /// How many files the users send.
        #[arg(long, default_value_t = 300)]
        uploads: u32,
        /// Decides what the users do and what fails [default: another one for each run].
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Test third-party clients on a new stack: Uppy, and a client generated from the contract.
    Clients,
    /// Test the page in headless Chromium, on a new stack.
    Browser {
        /// Run only tests whose names match this regular expression.
        pattern: Option<String>,
        /// Test the page of the stack that `cargo xtask up` started.
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Take screenshots of every view of the page, on a new stack.
    Screenshots {
        /// Use the stack that `cargo xtask up` started.
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Compare a new stack with docs/openapi.yaml, with all checks of schemathesis.
    Contract {
        /// Seconds for each of the two users.
        #[arg(long, default_value_t = 150)]
        seconds: u32,
    },
    /// Check the format, the code in Rust, Python and JavaScript, the template and the dependencies. Downloads the
    /// necessary tools.
    Lint {
        /// Fail if the database of known vulnerabilities is not reachable. Without this option, that is only a warning.
        #[arg(long)]
        need_advisories: bool,
    },
    /// Pin the packages of PyPI and npm. Run it after you change xtask/requirements/*.in or a package.json.
    Lock,
    /// Generate docs/PERMISSIONS.md: the permissions of each role of the template.
    Permissions {
        /// Write nothing. Fail if the file is outdated or a role has too many permissions, as `lint` does.
        #[arg(long)]
        check: bool,
    },
    /// Run a benchmark and print a table for docs/BENCHMARKS.md.
    #[command(subcommand)]
    Bench(Bench),
    /// Compare the imaging engine with reference decoders, and write the tables to docs/BENCHMARKS.md.
    CompareDecoders {
        /// Compare these files, and those in these directories, and only print the table [default: pictures that the
        /// command makes, in every format].
        files: Vec<PathBuf>,
        /// Build the engine as the local stack has it, which takes less time.
        #[arg(long)]
        local: bool,
    },
    /// Move the dead letters of a stack back to their queues.
    Redrive {
        /// The stack's name, as in `sam deploy` [default: the local stack].
        #[arg(long)]
        stack_name: Option<String>,
        /// The stack's region [default: the region of your AWS configuration].
        #[arg(long)]
        region: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Measure each function's zip, memory, and time from its start to its first request for an event.
    Functions {
        /// Measure <DIR>/<function>/bootstrap instead of building for release.
        #[arg(long, value_name = "DIR")]
        binaries: Option<PathBuf>,
        /// How many times to start each function. The result is the median.
        #[arg(long, default_value = "40")]
        runs: NonZeroUsize,
    },
    /// Measure how the page of the running stack loads, as Lighthouse does.
    Page {
        #[command(flatten)]
        place: Place,
    },
    /// Compare the imaging engine with sharp and Pillow, and write the tables to docs/BENCHMARKS.md.
    Imaging {
        /// The photograph from which larger ones are made [default: one of scikit-image].
        #[arg(long)]
        photo: Option<PathBuf>,
        /// How many times to develop each picture. The result is the median.
        #[arg(long, default_value = "11")]
        runs: NonZeroUsize,
    },
    /// Measure how many removals of images the running stack processes in a second.
    Stream {
        /// How many images to remove in each case.
        #[arg(long, default_value = "1000")]
        images: NonZeroUsize,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Args)]
struct Local {
    /// Port of the API and of the emulated AWS, on 127.0.0.1.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// Directory of the stack's data and its outputs.json [default: target/local]
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Place {
    fn stack(&self) -> Result<Stack> {
        Stack::new(&self.dir.clone().unwrap_or_else(project::local), true)
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Up { local, detach } => up(&local, detach),
        Task::Down { place, purge } => {
            let was_running = place.stack()?.down(purge)?;
            println!("{}", if was_running { "The stack is stopped." } else { "No stack was running." });
            Ok(())
        }
        Task::Watch { local } => watch::run(&local.place.stack()?, local.port),
        Task::Test { filters, stack: Some(name), region, .. } => {
            remote::test(&name, region.as_deref(), &filters)
        }
        Task::Test { filters, release: true, .. } => test::run_release(&filters),
        Task::Test { filters, only, .. } => test::run(only, &filters),
        Task::Chaos { uploads, seed } => chaos::run(uploads, seed.unwrap_or_else(new_seed)),
        Task::Clients => {
            own_stack::with(&Providers::default(), |stack, _, _| clients::run(&stack.outputs_file()))
        }
        Task::Browser { pattern, running: true, place } => {
            browser::run(&running(&place)?, None, pattern.as_deref())
        }
        Task::Browser { pattern, .. } => {
            let standins = Standins::start()?;
            own_stack::with(&standins.providers(), |stack, _, _| {
                browser::run(stack, Some(&standins), pattern.as_deref())
            })
        }
        Task::Screenshots { running: true, place } => browser::screenshots(&running(&place)?),
        Task::Screenshots { .. } => {
            let standins = Standins::start()?;
            own_stack::with(&standins.providers(), |stack, _, _| browser::screenshots(stack))
        }
        Task::Contract { seconds } => contract::run(seconds),
        Task::Lint { need_advisories } => lint::run(need_advisories),
        Task::Lock => lock::run(),
        Task::Permissions { check: true } => permissions::check(),
        Task::Permissions { check: false } => permissions::write(),
        Task::Bench(Bench::Page { place }) => browser::measure(&running(&place)?),
        Task::Bench(Bench::Imaging { photo, runs }) => bench_imaging::run(photo.as_deref(), runs.get()),
        Task::Bench(Bench::Stream { images, place }) => bench_stream::run(&running(&place)?, images.get()),
        Task::Bench(Bench::Functions { binaries, runs }) => bench::functions(binaries.as_deref(), runs.get()),
        Task::CompareDecoders { files, local } => compare_decoders::run(&files, local),
        Task::Redrive { stack_name, region, place } => redrive(stack_name, region.as_deref(), &place),
    }
}

/// A seed that is different in each second, and short enough to type.
fn new_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs() % 1_000_000
}

fn running(place: &Place) -> Result<Stack> {
    let stack = place.stack()?;
    stack.running().context("no stack is running; start one with `cargo xtask up`")?;
    Ok(stack)
}

fn redrive(stack_name: Option<String>, region: Option<&str>, place: &Place) -> Result<()> {
    let (mut aws, name) = match stack_name {
        Some(name) => (Aws::remote(region)?, name),
        None => {
            let stack = place.stack()?;
            let emulator = stack.running().context("no stack is running; start one with `cargo xtask up`")?;
            (Aws::local(&emulator)?, stack.outputs()?.stack_name)
        }
    };
    let redriven = redrive::run(&mut aws, &name)?;
    for letter in &redriven.kept {
        eprintln!("not sent again: {letter}");
    }
    println!("{} messages were sent again.", redriven.sent);
    Ok(())
}

fn up(local: &Local, detach: bool) -> Result<()> {
    let stack = local.place.stack()?;
    let was_running = stack.running().is_some();
    // A stack that runs detached continues to run, even if its update fails.
    let stays = detach && was_running;
    let serves = Arc::new(AtomicBool::new(false));
    // The thread that has this lock stops the stack, and then this program.
    let turn = Arc::new(Mutex::new(()));
    let (ending, does_serve, its_turn) = (local.place.stack()?, Arc::clone(&serves), Arc::clone(&turn));
    ctrlc::set_handler(move || {
        const INTERRUPTED: i32 = 130;
        let _turn = its_turn.lock();
        let ended =
            if stays { Ok(false) } else { command::step("stopping the stack", || ending.down(false)) };
        let serves = does_serve.load(Ordering::SeqCst);
        std::process::exit(if serves { i32::from(ended.is_err()) } else { INTERRUPTED });
    })?;
    let outcome = serve(local, &stack, detach, &serves);
    // This thread may notice the end of a child process before the handler of Ctrl-C runs.
    std::thread::sleep(Duration::from_millis(100));
    let _turn = turn.lock();
    if outcome.is_err() && !was_running {
        stack.down(false)?;
    }
    outcome
}

fn serve(local: &Local, stack: &Stack, detach: bool, serves: &AtomicBool) -> Result<()> {
    let (emulator, outputs) = stack.up(local.port, &Providers::from_env()?)?;
    outputs.print(&stack.outputs_file());
    if detach {
        return Ok(());
    }
    serves.store(true, Ordering::SeqCst);
    println!("\nThe functions' logs follow. Ctrl-C stops the stack.");
    logs::follow(&emulator, &outputs.stack_name)
}

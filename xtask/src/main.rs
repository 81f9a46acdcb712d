//! `cargo xtask …`: what one does with this repository, from a laptop with Rust, a C compiler and
//! Python 3 alone.

mod aws;
mod bench;
mod bench_imaging;
mod browser;
mod clients;
mod command;
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
    /// Bring the whole service up on this machine, or up to date where it runs.
    Up {
        #[command(flatten)]
        local: Local,
        /// Return once it serves, instead of showing the functions' logs until Ctrl-C.
        #[arg(long)]
        detach: bool,
    },
    /// End the local service; its data stays for the next `up`.
    Down {
        #[command(flatten)]
        place: Place,
        /// Forget all uploads, users and logs too.
        #[arg(long)]
        purge: bool,
    },
    /// Run the functions under `cargo lambda watch` at 127.0.0.1:9000, on the local service's data.
    Watch {
        #[command(flatten)]
        local: Local,
    },
    /// Run the unit tests, then the end-to-end suite, other people's clients and the page's tests against a stack of
    /// its own.
    Test {
        /// Run only tests whose names contain one of these.
        filters: Vec<String>,
        /// Run the end-to-end tests alone, against this stack on AWS. Users, images and tiers that they make there are
        /// removed in the end. Tests that need the local stack are listed and left out.
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
        /// The region of that stack; otherwise the one of your AWS configuration.
        #[arg(long, requires = "stack")]
        region: Option<String>,
        /// Run the end-to-end tests alone, with the functions that `cargo lambda build --release` makes for AWS.
        #[arg(long, conflicts_with = "stack")]
        release: bool,
    },
    /// Have other people's clients take pictures through a stack of their own: one generated from the contract, and
    /// Uppy.
    Clients,
    /// Test the page in headless Chromium, against a stack of its own.
    Browser {
        /// Run only tests whose names match this regular expression.
        pattern: Option<String>,
        /// Test the page of the stack that runs already, as `cargo xtask up` has it.
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Take screenshots of every view of the page, on a stack of its own.
    Screenshots {
        /// Take them of the stack that runs already, as `cargo xtask up` has it.
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Have schemathesis try a stack of its own against docs/openapi.yaml, with every check on.
    Contract {
        /// Seconds for each of the two users.
        #[arg(long, default_value_t = 150)]
        seconds: u32,
    },
    /// Check the format, the code in Rust, Python and JavaScript, the template and the dependencies. Fetches the tools
    /// that it needs.
    Lint {
        /// Fail if the database of known vulnerabilities cannot be reached, instead of saying so.
        #[arg(long)]
        need_advisories: bool,
    },
    /// Pin the packages of PyPI and npm, after a change of xtask/requirements/*.in or of a package.json.
    Lock,
    /// Write docs/PERMISSIONS.md: what each role of the template may do.
    Permissions {
        /// Fail where the page is out of date or a role may do too much, as `lint` does, and write nothing.
        #[arg(long)]
        check: bool,
    },
    /// Measure, and print a table for docs/BENCHMARKS.md.
    #[command(subcommand)]
    Bench(Bench),
    /// Send the dead letters of a stack's jobs to their queues once more.
    Redrive {
        /// The stack's name, as in `sam deploy`; otherwise the local one.
        #[arg(long)]
        stack_name: Option<String>,
        /// Its region; otherwise the one of your AWS configuration.
        #[arg(long)]
        region: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Each function's zip, time from start to the first request for work, and memory.
    Functions {
        /// Measure <DIR>/<function>/bootstrap instead of building for release.
        #[arg(long, value_name = "DIR")]
        binaries: Option<PathBuf>,
        /// How often each function is started; the median counts.
        #[arg(long, default_value = "40")]
        runs: NonZeroUsize,
    },
    /// What the page costs a visitor on the stack that runs, as Lighthouse measures it.
    Page {
        #[command(flatten)]
        place: Place,
    },
    /// The imaging engine beside sharp and Pillow; writes its tables into docs/BENCHMARKS.md.
    Imaging {
        /// The photograph that larger ones are made of [default: one that comes with scikit-image].
        #[arg(long)]
        photo: Option<PathBuf>,
        /// How often each picture is developed; the median counts.
        #[arg(long, default_value = "11")]
        runs: NonZeroUsize,
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
    /// Directory of the stack's data and of its outputs.json [default: target/local]
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
            println!("{}", if was_running { "The stack has ended." } else { "No stack was running." });
            Ok(())
        }
        Task::Watch { local } => watch::run(&local.place.stack()?, local.port),
        Task::Test { filters, stack: Some(name), region, .. } => {
            remote::test(&name, region.as_deref(), &filters)
        }
        Task::Test { filters, release: true, .. } => test::run_release(&filters),
        Task::Test { filters, .. } => test::run(&filters),
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
        Task::Bench(Bench::Functions { binaries, runs }) => bench::functions(binaries.as_deref(), runs.get()),
        Task::Redrive { stack_name, region, place } => redrive(stack_name, region.as_deref(), &place),
    }
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
    println!("{} messages were sent again.", redrive::run(&mut aws, &name)?);
    Ok(())
}

fn up(local: &Local, detach: bool) -> Result<()> {
    let stack = local.place.stack()?;
    let was_running = stack.running().is_some();
    // One that runs detached goes on, whatever becomes of its update.
    let stays = detach && was_running;
    let serves = Arc::new(AtomicBool::new(false));
    // Whoever has it ends the stack, and then this program.
    let turn = Arc::new(Mutex::new(()));
    let (ending, does_serve, its_turn) = (local.place.stack()?, Arc::clone(&serves), Arc::clone(&turn));
    ctrlc::set_handler(move || {
        const INTERRUPTED: i32 = 130;
        let _turn = its_turn.lock();
        let ended = if stays { Ok(false) } else { command::step("ending the stack", || ending.down(false)) };
        let serves = does_serve.load(Ordering::SeqCst);
        std::process::exit(if serves { i32::from(ended.is_err()) } else { INTERRUPTED });
    })?;
    let outcome = serve(local, &stack, detach, &serves);
    // A child that Ctrl-C ended may have been noticed here first.
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
    println!("\nThe functions' logs follow. Ctrl-C ends the stack.");
    logs::follow(&emulator, &outputs.stack_name)
}

//! `cargo xtask …`: the commands of this repository. They need only Rust, a C compiler, make and Python 3.11.

mod apt;
mod aws;
mod bench;
mod bench_delivery;
mod bench_django;
mod bench_imaging;
mod bench_requests;
mod bench_search;
mod bench_stream;
mod browser;
mod cargo;
mod chaos;
mod client_package;
mod clients;
mod command;
mod compare_decoders;
mod compare_exif;
mod compile;
mod contract;
mod cost;
mod dashboard;
mod edge_keys;
mod emulator;
mod import;
mod judge;
mod lint;
mod lock;
mod log_line;
mod logs;
mod node;
mod npm;
mod own_stack;
mod permissions;
mod place;
mod project;
mod providers;
#[cfg(test)]
mod recipes;
mod redrive;
mod release;
mod relocate;
mod remote;
mod remove;
mod routes;
mod seed;
mod stack;
mod standins;
mod template;
mod test;
mod tools;
mod trace;
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
use crate::edge_keys::Change;
use crate::place::Place;
use crate::providers::Providers;
use crate::stack::{Binaries, Stack};
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
        /// Put the edge in front, as with the template's parameter `Edge=on`.
        #[arg(long)]
        edge: bool,
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
    /// Run all tests: unit tests, and on three new stacks the end-to-end tests, third-party clients and browser tests.
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
    /// Test clients on a new stack: Uppy, a client generated from the contract, the loaders for front ends, and the package in
    /// clients/typescript.
    Clients {
        /// Only build the package in clients/typescript, and test it without a stack.
        #[arg(long)]
        package: bool,
    },
    /// Test the page in headless Chromium, on a new stack.
    Browser {
        /// Run only tests whose names match this regular expression.
        pattern: Option<String>,
        /// Test the page of the stack that `cargo xtask up` started.
        #[arg(long)]
        running: bool,
        /// Test the page behind the edge.
        #[arg(long, conflicts_with = "running")]
        edge: bool,
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
    /// Download what the build needs: cmake and nasm, and Swagger UI. `up`, `test` and `lint` do this by themselves.
    Tools,
    /// Pin the packages of PyPI and npm. Run it after you change xtask/requirements/*.in or a package.json.
    Lock,
    /// Generate docs/PERMISSIONS.md: the permissions of each role of the template.
    Permissions {
        /// Write nothing. Fail if the file is outdated or a role has too many permissions, as `lint` does.
        #[arg(long)]
        check: bool,
    },
    /// Write the table of the dashboard's widgets into docs/OPERATIONS.md.
    Dashboard,
    /// Import users, image sets and images of an earlier application into a stack. Prints a line for each line of the
    /// manifest. A second run continues where the first one stopped, and creates nothing twice.
    Import(import::Import),
    /// Run a benchmark and print a table for docs/BENCHMARKS.md.
    #[command(subcommand)]
    Bench(Bench),
    /// Write docs/COST.md: what uploads and views cost by AWS's price list, from what was measured.
    Cost {
        /// Measure first, on a new stack with release builds, and store what was measured in xtask/cost.
        #[arg(long)]
        measure: bool,
        /// How many uploads to measure.
        #[arg(long, default_value = "30")]
        uploads: u32,
        /// Measure the build of the local stack, which is not optimised.
        #[arg(long)]
        local: bool,
    },
    /// Compare the imaging engine with reference decoders, and write the tables to docs/BENCHMARKS.md.
    CompareDecoders {
        /// Compare these files, and those in these directories, and only print the table [default: pictures that the
        /// command makes, in every format].
        files: Vec<PathBuf>,
        /// Build the engine as the local stack has it, which takes less time.
        #[arg(long)]
        local: bool,
    },
    /// Compare what the imaging engine reads of EXIF with what exiftool reads, and write the table to docs/BENCHMARKS.md.
    /// Fail if a field is wrong.
    CompareExif {
        /// Compare these files, and those in these directories, and only print the table [default: the files of cameras
        /// that exiftool is tested with, and copies of their metadata in other formats].
        files: Vec<PathBuf>,
        /// Build the engine as the local stack has it, which takes less time.
        #[arg(long)]
        local: bool,
    },
    /// Print all log lines about one upload, edit or job, from the logs of all functions, in the order of time.
    Trace {
        /// The id of the image or of the job, or the value of the header `apigw-requestid` of a response.
        id: String,
        /// How far to look back [default: since the image or the job was created, and a day for other ids].
        #[arg(long)]
        hours: Option<u64>,
        /// The stack's name, as in `sam deploy` [default: the local stack].
        #[arg(long)]
        stack_name: Option<String>,
        /// The stack's region [default: the region of your AWS configuration].
        #[arg(long)]
        region: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Make the first key with which functions sign addresses at the edge, and turn the edge on.
    EdgeKeys {
        /// The stack's name, as in `sam deploy` [default: the local stack].
        #[arg(long)]
        stack_name: Option<String>,
        /// The stack's region [default: the region of your AWS configuration].
        #[arg(long)]
        region: Option<String>,
        /// Make another key and sign with it. Addresses that were signed before stay valid. It takes over ten minutes.
        #[arg(long)]
        rotate: bool,
        /// Remove the old key, a day or more after --rotate.
        #[arg(long, conflicts_with = "rotate")]
        retire: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Copy users, items and files of a deployment to another one in the same account. Users then set new passwords.
    Move {
        /// The stack whose data is copied. It stays as it is.
        #[arg(long)]
        from: String,
        /// The region of that stack [default: the region of your AWS configuration].
        #[arg(long)]
        from_region: Option<String>,
        /// The stack that gets the data.
        #[arg(long)]
        to: String,
        /// The region of that stack [default: the region of your AWS configuration].
        #[arg(long)]
        to_region: Option<String>,
    },
    /// Remove a deployment with its data, users, keys and logs. Without --confirm, only say what would be removed.
    Remove {
        /// The stack's name, or its id after the stack was deleted.
        #[arg(long)]
        stack_name: String,
        /// The stack's region [default: the region of your AWS configuration].
        #[arg(long)]
        region: Option<String>,
        /// The stack's name once more. Nothing can be restored afterwards.
        #[arg(long, value_name = "STACK_NAME")]
        confirm: Option<String>,
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
    /// Measure how the page of the running stack loads, as Lighthouse does, and how fast a large gallery scrolls.
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
    /// Compare renditions with those of sharp, measure the speeds of the AVIF encoder, and write the tables to
    /// docs/BENCHMARKS.md.
    Delivery {
        /// The photograph from which a larger one is made [default: one of scikit-image].
        #[arg(long)]
        photo: Option<PathBuf>,
        /// How many times to make each rendition. The result is the median.
        #[arg(long, default_value = "11")]
        runs: NonZeroUsize,
    },
    /// Measure what requests for lists and pictures cost: calls, bytes, addresses and processor time, with and without
    /// the edge.
    Requests {
        /// How many requests to measure for each row.
        #[arg(long, default_value = "300")]
        requests: u32,
        /// Store what was measured for `cargo xtask cost`.
        #[arg(long)]
        write: bool,
        /// Measure <DIR>/<function>/bootstrap or <DIR>/<function> instead of building for release.
        #[arg(value_name = "DIR")]
        directories: Vec<PathBuf>,
    },
    /// Compare the processor time of four requests with that of a Django REST backend that does the same.
    Django {
        /// How many requests to measure for each row.
        #[arg(long, default_value = "300")]
        requests: u32,
        /// Measure <DIR>/<function>/bootstrap or <DIR>/<function> instead of building for release.
        #[arg(value_name = "DIR")]
        directories: Vec<PathBuf>,
    },
    /// Measure searches among many images of one user: calls, read units, bytes, processor time and duration.
    Search {
        /// The number of images.
        #[arg(long, default_value = "10000")]
        images: u32,
        /// A directory with a build of images-list. Without it, the command makes a release build.
        directory: Option<PathBuf>,
    },
    /// Measure how many removals of images `workers-stream` processes in a second, and how long a user waits for another
    /// user who deletes many images.
    Stream {
        /// How long each call to AWS takes.
        #[arg(long, default_value = "8")]
        milliseconds: u32,
        /// Other builds of workers-stream to measure side by side.
        #[arg(value_name = "BINARY")]
        others: Vec<PathBuf>,
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
        Task::Up { local, detach, edge } => up(&local, detach, edge),
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
        Task::Clients { package: true } => client_package::test(),
        Task::Clients { package: false } => {
            let chromium = browser::ensure()?;
            client_package::test()?;
            own_stack::with(&Providers::default(), |stack, _, _| {
                clients::run(&stack.outputs_file(), Some(&chromium))
            })
        }
        Task::Browser { pattern, running: true, place, .. } => {
            browser::run(&running(&place)?, None, pattern.as_deref())
        }
        Task::Browser { pattern, edge, .. } => {
            let standins = Standins::start()?;
            let work = |stack: &Stack, _: &_, _: &_| browser::run(stack, Some(&standins), pattern.as_deref());
            if edge {
                own_stack::with_edge(&standins.providers(), work)
            } else {
                own_stack::with(&standins.providers(), work)
            }
        }
        Task::Screenshots { running: true, place } => browser::screenshots(&running(&place)?),
        Task::Screenshots { .. } => {
            let standins = Standins::start()?;
            own_stack::with(&standins.providers(), |stack, _, _| browser::screenshots(stack))
        }
        Task::Contract { seconds } => contract::run(seconds),
        Task::Lint { need_advisories } => lint::run(need_advisories),
        Task::Tools => tools::ensure(),
        Task::Lock => lock::run(),
        Task::Permissions { check: true } => permissions::check(),
        Task::Permissions { check: false } => permissions::write(),
        Task::Bench(Bench::Page { place }) => browser::measure(&running(&place)?),
        Task::Bench(Bench::Imaging { photo, runs }) => bench_imaging::run(photo.as_deref(), runs.get()),
        Task::Bench(Bench::Delivery { photo, runs }) => bench_delivery::run(photo.as_deref(), runs.get()),
        Task::Bench(Bench::Requests { requests, write, directories }) => {
            bench_requests::run(&directories, requests, write)
        }
        Task::Bench(Bench::Django { requests, directories }) => bench_django::run(&directories, requests),
        Task::Bench(Bench::Search { images, directory }) => bench_search::run(images, directory.as_deref()),
        Task::Bench(Bench::Stream { milliseconds, others }) => bench_stream::run(milliseconds, &others),
        Task::Bench(Bench::Functions { binaries, runs }) => bench::functions(binaries.as_deref(), runs.get()),
        Task::Dashboard => dashboard::write(),
        Task::Import(import) => import::run(&import),
        Task::Cost { measure, uploads, local } => cost::run(measure, uploads, build(local)),
        Task::CompareDecoders { files, local } => compare_decoders::run(&files, local),
        Task::CompareExif { files, local } => compare_exif::run(&files, local),
        Task::EdgeKeys { stack_name, region, rotate, retire, place } => {
            let change = match (rotate, retire) {
                (true, _) => Change::Rotate,
                (false, true) => Change::Retire,
                (false, false) => Change::First,
            };
            edge_keys(stack_name, region.as_deref(), change, &place)
        }
        Task::Move { from, from_region, to, to_region } => {
            let mut source = relocate::End::find(Aws::remote(from_region.as_deref())?, &from)?;
            let mut target = relocate::End::find(Aws::remote(to_region.as_deref())?, &to)?;
            relocate::run(&mut source, &mut target)
        }
        Task::Remove { stack_name, region, confirm } => {
            remove::run(&mut Aws::remote(region.as_deref())?, &stack_name, confirm.as_deref())
        }
        Task::Trace { id, hours, stack_name, region, place } => {
            let (mut aws, name) = session(stack_name, region.as_deref(), &place)?;
            trace::run(&mut aws, &name, &id, hours)
        }
        Task::Redrive { stack_name, region, place } => redrive(stack_name, region.as_deref(), &place),
    }
}

/// The build of the local stack, or the one for AWS.
fn build(local: bool) -> Binaries {
    if local { Binaries::Local } else { Binaries::Release }
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

/// A session with AWS and the name of a stack there, or those of the local stack.
fn session(stack_name: Option<String>, region: Option<&str>, place: &Place) -> Result<(Aws, String)> {
    if let Some(name) = stack_name {
        return Ok((Aws::remote(region)?, name));
    }
    let stack = place.stack()?;
    let emulator = stack.running().context("no stack is running; start one with `cargo xtask up`")?;
    Ok((Aws::local(&emulator)?, stack.outputs()?.stack_name))
}

fn edge_keys(stack_name: Option<String>, region: Option<&str>, change: Change, place: &Place) -> Result<()> {
    let is_local = stack_name.is_none();
    let (mut aws, name) = session(stack_name, region, place)?;
    println!("{}", edge_keys::run(&mut aws, &name, change, is_local)?);
    Ok(())
}

fn redrive(stack_name: Option<String>, region: Option<&str>, place: &Place) -> Result<()> {
    let (mut aws, name) = session(stack_name, region, place)?;
    let redriven = redrive::run(&mut aws, &name)?;
    for letter in &redriven.kept {
        eprintln!("not sent again: {letter}");
    }
    println!("{} messages were sent again.", redriven.sent);
    Ok(())
}

fn up(local: &Local, detach: bool, edge: bool) -> Result<()> {
    let stack = if edge { local.place.stack()?.with_edge() } else { local.place.stack()? };
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

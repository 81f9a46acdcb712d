//! `cargo xtask …`: what one does with this repository, from a laptop with Rust, a C compiler and
//! Python 3 alone.

mod aws;
mod command;
mod emulator;
mod project;
mod routes;
mod seed;
mod stack;
mod template;
mod venv;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::aws::Aws;
use crate::stack::Stack;

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
    /// Put the tiers into the table of a stack that was deployed to AWS.
    Seed {
        /// The stack's name, as in `sam deploy`.
        #[arg(long)]
        stack_name: String,
        /// Its region; otherwise the one of your AWS configuration.
        #[arg(long)]
        region: Option<String>,
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

fn main() -> Result<()> {
    match Cli::parse().command {
        Task::Up { local, detach } => up(&local, detach),
        Task::Down { place, purge } => {
            let was_running = place.stack()?.down(purge)?;
            println!("{}", if was_running { "The stack has ended." } else { "No stack was running." });
            Ok(())
        }
        Task::Seed { stack_name, region } => {
            let mut aws = Aws::remote(region.as_deref())?;
            let table = seed::outputs(&mut aws, &stack_name)?.remove("TableName");
            seed::tiers(&mut aws, &table.context("the stack has no output TableName")?)?;
            println!("The table has its tiers.");
            Ok(())
        }
    }
}

fn up(local: &Local, _detach: bool) -> Result<()> {
    let stack = local.place.stack()?;
    let (_, outputs) = stack.up(local.port)?;
    outputs.print(&stack.outputs_file());
    Ok(())
}

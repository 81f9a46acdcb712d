//! The option with the directory of a local stack.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::project;
use crate::stack::Stack;

#[derive(Args)]
pub(crate) struct Place {
    /// Directory of the stack's data and its outputs.json [default: target/local]
    #[arg(long)]
    dir: Option<PathBuf>,
}

impl Place {
    pub(crate) fn stack(&self) -> Result<Stack> {
        Stack::new(&self.dir.clone().unwrap_or_else(project::local), true)
    }
}

//! Settings of a run.

use std::env;

use anyhow::{Context, Result};

/// Reads a number from an environment variable. `usual` is small enough for two slow cores beside other tests.
///
/// # Errors
/// If the variable is not a number.
pub fn number(name: &str, usual: usize) -> Result<usize> {
    let Ok(given) = env::var(name) else { return Ok(usual) };
    given.parse().with_context(|| format!("{name} is {given}"))
}

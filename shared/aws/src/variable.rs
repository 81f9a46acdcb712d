//! Environment variables.

use std::env;

/// A required environment variable is missing.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct MissingVariable(&'static str);

/// The value of an environment variable.
///
/// # Errors
/// [`MissingVariable`] if it is not set.
pub fn var(name: &'static str) -> Result<String, MissingVariable> {
    env::var(name).map_err(|_| MissingVariable(name))
}

/// Whether an environment variable has a value. Deployments leave the variables of disabled features empty.
#[must_use]
pub fn is_set(name: &'static str) -> bool {
    env::var(name).is_ok_and(|value| !value.is_empty())
}

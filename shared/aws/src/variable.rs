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

/// The value of an environment variable, or `None` if it is empty or not set. Deployments leave the variables of disabled
/// features empty.
#[must_use]
pub fn optional_var(name: &'static str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether an environment variable has a value.
#[must_use]
pub fn is_set(name: &'static str) -> bool {
    optional_var(name).is_some()
}

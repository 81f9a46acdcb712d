//! Invocations of functions.

use anyhow::{Result, ensure};
use serde_json::Value;

/// The outcome of a function's invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Whether the function ended with an error.
    pub failed: bool,
    /// The returned value or the error.
    pub payload: Value,
}

impl Invocation {
    /// The returned value.
    ///
    /// # Errors
    /// If the function failed.
    pub fn ok(self) -> Result<Value> {
        ensure!(!self.failed, "the function failed: {}", self.payload);
        Ok(self.payload)
    }
}

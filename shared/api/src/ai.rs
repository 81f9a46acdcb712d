//! Whether this deployment has a provider of models.

use std::env;

use crate::Problem;

/// Whether there is a provider: `AI_SECRET` names the secret with its key, or is empty.
#[must_use]
pub fn ai_is_configured() -> bool {
    env::var("AI_SECRET").is_ok_and(|name| !name.is_empty())
}

/// Insists on a provider, before anything is written or queued.
///
/// # Errors
/// 501 `ai-not-configured`
pub fn require_ai() -> Result<(), Problem> {
    if ai_is_configured() { Ok(()) } else { Err(Problem::ai_not_configured()) }
}

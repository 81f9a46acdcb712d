//! What this deployment can do beyond what all can.

use crate::Problem;

/// Whether there is a provider of models: `AI_SECRET` names the secret with its key, or is empty.
#[must_use]
pub fn ai_is_configured() -> bool {
    aws::is_set("AI_SECRET")
}

/// Whether originals are copied to Dropbox: `DROPBOX_SECRET` names the secret with the credentials, or is empty.
#[must_use]
pub fn dropbox_is_configured() -> bool {
    aws::is_set("DROPBOX_SECRET")
}

/// Insists on a provider of models, before anything is written or queued.
///
/// # Errors
/// 501 `ai-not-configured`
pub fn require_ai() -> Result<(), Problem> {
    if ai_is_configured() { Ok(()) } else { Err(Problem::ai_not_configured()) }
}

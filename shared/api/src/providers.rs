//! The optional providers of this deployment.

use crate::Problem;

/// Whether this deployment has an AI provider. `AI_SECRET` names the secret with its key, or is empty.
#[must_use]
pub fn ai_is_configured() -> bool {
    aws::is_set("AI_SECRET")
}

/// Whether this deployment copies originals to Dropbox. `DROPBOX_SECRET` names the secret with the credentials, or is
/// empty.
#[must_use]
pub fn dropbox_is_configured() -> bool {
    aws::is_set("DROPBOX_SECRET")
}

/// Checks that this deployment has an AI provider. Call it before writing anything.
///
/// # Errors
/// 501 `ai-not-configured`
pub fn require_ai() -> Result<(), Problem> {
    if ai_is_configured() { Ok(()) } else { Err(Problem::ai_not_configured()) }
}

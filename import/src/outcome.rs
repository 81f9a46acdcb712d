//! What became of a line.

use aws::CallError;

/// What was done for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This import created something.
    Created,
    /// An earlier import created it, or it existed before.
    Exists,
}

/// Why nothing was done for a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The line cannot be imported as it is. The others can.
    #[error("{0}")]
    Refused(String),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The error for a line that cannot be imported.
pub(crate) fn refused(reason: impl Into<String>) -> LineError {
    LineError::Refused(reason.into())
}

/// An error that a retry may fix.
pub(crate) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LineError {
    CallError::Unavailable(cause.into()).into()
}

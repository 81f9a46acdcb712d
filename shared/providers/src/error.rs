//! Errors of providers.

use std::time::Duration;

use domain::{Failure, FailureCode, Timestamp};
use jiff::fmt::rfc2822;

use crate::response::Response;

/// Why a call to a provider failed. The cause is safe to log: it contains a status and the provider's own code, but not
/// the provider's message, which may repeat a prompt or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", .failure.code)]
pub struct ProviderError {
    /// The failure that the owner sees if the job fails because of this error.
    pub failure: Failure,
    /// Whether a retry may succeed.
    pub is_retryable: bool,
    /// How long the provider asks to wait before a retry, if it does.
    pub retry_after: Option<Duration>,
    /// The cause for the log.
    pub cause: String,
}

impl ProviderError {
    fn new(code: FailureCode, detail: &str, is_retryable: bool, cause: impl Into<String>) -> Self {
        Self { failure: Failure::new(code, detail), is_retryable, retry_after: None, cause: cause.into() }
    }

    /// The provider did not answer in time.
    #[must_use]
    pub fn timeout() -> Self {
        let detail = "The provider took too long to answer.";
        Self::new(FailureCode::ProviderTimeout, detail, true, "no answer in time")
    }

    /// The connection could not be opened, or broke.
    pub(crate) fn unreachable(cause: &(dyn std::error::Error + 'static)) -> Self {
        let detail = "The provider could not be reached.";
        Self::new(FailureCode::ProviderUnavailable, detail, true, aws::causes(cause))
    }

    /// The provider has a fault.
    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(FailureCode::ProviderUnavailable, "The provider has a fault.", true, cause)
    }

    /// The account has no storage left. A retry may succeed after its owner frees some.
    pub(crate) fn out_of_storage(cause: impl Into<String>) -> Self {
        Self::new(FailureCode::ProviderFull, "The provider has no room left.", true, cause)
    }

    /// The answer is longer than the limit.
    pub(crate) fn too_large() -> Self {
        let detail = "The provider's answer was too large.";
        Self::new(FailureCode::ProviderAnswerTooLarge, detail, true, "the answer exceeds the limit")
    }

    /// The answer is not what the provider's API specifies.
    #[must_use]
    pub fn invalid_answer(cause: impl Into<String>) -> Self {
        let detail = "The provider's answer could not be read.";
        Self::new(FailureCode::ProviderAnswerInvalid, detail, true, cause)
    }

    /// The provider rejected the request. A retry cannot succeed.
    pub(crate) fn refused(cause: impl Into<String>) -> Self {
        Self::new(FailureCode::ProviderRefused, "The provider refuses this request.", false, cause)
    }

    /// The provider rejected the credentials. A retry may succeed, because it reads the secret again.
    pub(crate) fn credentials(cause: impl Into<String>) -> Self {
        let detail = "The provider does not accept this deployment's credentials.";
        Self::new(FailureCode::ProviderCredentials, detail, true, cause)
    }

    /// Whether the provider rejected the credentials.
    #[must_use]
    pub fn is_credentials(&self) -> bool {
        self.failure.code == FailureCode::ProviderCredentials
    }

    /// The error for an unsuccessful answer, by its status. `code` is the provider's own code.
    pub(crate) fn from_status(answer: &Response, code: &str) -> Self {
        let cause = format!("{} {code}", answer.status.as_u16());
        let mut error = match answer.status.as_u16() {
            401 | 403 => Self::credentials(cause),
            408 => Self::timeout(),
            409 | 429 => {
                Self::new(FailureCode::ProviderBusy, "The provider has too much to do.", true, cause)
            }
            500.. => Self::unavailable(cause),
            _ => Self::refused(cause),
        };
        error.retry_after = answer.header("retry-after").and_then(|text| retry_after(text, domain::now()));
        error
    }
}

/// A provider's error code, without characters that could forge a log line.
pub(crate) fn loggable_code(text: Option<&str>) -> String {
    const MAX_CHARACTERS: usize = 64;
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.unwrap_or("no code").chars().filter(plain).take(MAX_CHARACTERS).collect()
}

/// Parses both forms of `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::parse(text.trim()).ok()?.timestamp();
    u64::try_from(at.as_second() - now.as_second()).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-03-12T19:03:58Z".parse().unwrap();
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Thu, 12 Mar 2026 19:04:58 GMT", now), Some(Duration::from_secs(60)));
        for text in ["", "soon", "-1", "Thu, 12 Mar 2026 19:00:00 GMT"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }

    #[test]
    fn a_providers_code_cannot_forge_a_line_of_the_log() {
        assert_eq!(loggable_code(Some("rate_limit\n{\"level\":\"INFO\"}")), "rate_limitlevelINFO");
        assert_eq!(loggable_code(Some(&"x".repeat(100))).len(), 64);
    }
}

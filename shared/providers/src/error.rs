//! What can go wrong at a provider, as far as a job's owner and a worker can act on it.

use std::time::Duration;

use domain::{Failure, Timestamp};
use jiff::fmt::rfc2822;

use crate::http::Answer;

/// Why a provider did not do what it was asked for. The cause is for the log: a status and the provider's own
/// code, never its message, which may repeat a prompt or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", .failure.code)]
pub struct ProviderError {
    /// What the owner is told when the job is given up for this.
    pub failure: Failure,
    /// Whether trying again may help.
    pub heals: bool,
    /// How long the provider wants to be left alone, where it says so.
    pub retry_after: Option<Duration>,
    /// What the log says.
    pub cause: String,
}

impl ProviderError {
    /// The code of a failure for credentials that the provider does not take.
    pub(crate) const CREDENTIALS: &'static str = "provider-credentials";

    fn new(code: &str, detail: &str, heals: bool, cause: impl Into<String>) -> Self {
        let failure = Failure { code: code.to_owned(), detail: detail.to_owned() };
        Self { failure, heals, retry_after: None, cause: cause.into() }
    }

    /// No answer in time.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new("provider-timeout", "The provider took too long to answer.", true, "no answer in time")
    }

    /// No connection, or one that broke.
    pub(crate) fn unreachable(cause: &(dyn std::error::Error + 'static)) -> Self {
        let detail = "The provider could not be reached.";
        Self::new("provider-unavailable", detail, true, aws::causes(cause))
    }

    /// Something went wrong over there.
    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        Self::new("provider-unavailable", "The provider has a fault.", true, cause)
    }

    /// There is no room for what was sent. Somebody may make some.
    pub(crate) fn full(cause: impl Into<String>) -> Self {
        Self::new("provider-full", "The provider has no room left.", true, cause)
    }

    /// An answer longer than anything that was asked for.
    pub(crate) fn too_large() -> Self {
        let detail = "The provider's answer was too large.";
        Self::new("provider-answer-too-large", detail, true, "longer than is read")
    }

    /// An answer that makes no sense.
    #[must_use]
    pub fn garbage(cause: impl Into<String>) -> Self {
        let detail = "The provider's answer could not be read.";
        Self::new("provider-answer-invalid", detail, true, cause)
    }

    /// The provider does not want to do this, now or ever.
    pub(crate) fn refused(cause: impl Into<String>) -> Self {
        Self::new("provider-refused", "The provider refuses this request.", false, cause)
    }

    /// The credentials are not taken. A new key may have been stored since they were read.
    pub(crate) fn credentials(cause: impl Into<String>) -> Self {
        let detail = "The provider does not accept this deployment's credentials.";
        Self::new(Self::CREDENTIALS, detail, true, cause)
    }

    /// Whether the credentials were not taken.
    #[must_use]
    pub fn is_credentials(&self) -> bool {
        self.failure.code == Self::CREDENTIALS
    }

    /// What an answer that is not a success means, by its status; `code` is the provider's own.
    pub(crate) fn of_status(answer: &Answer, code: &str) -> Self {
        let cause = format!("{} {code}", answer.status.as_u16());
        let mut error = match answer.status.as_u16() {
            401 | 403 => Self::credentials(cause),
            408 => Self::timeout(),
            409 | 429 => Self::new("provider-busy", "The provider has too much to do.", true, cause),
            500.. => Self::unavailable(cause),
            _ => Self::refused(cause),
        };
        error.retry_after = answer.header("retry-after").and_then(|text| retry_after(text, domain::now()));
        error
    }
}

/// A provider's name for an error, fit for a log.
pub(crate) fn code_of(text: Option<&str>) -> String {
    const MAX_CHARACTERS: usize = 64;
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.unwrap_or("without a code").chars().filter(plain).take(MAX_CHARACTERS).collect()
}

/// `Retry-After` in either of its forms: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
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
        assert_eq!(code_of(Some("rate_limit\n{\"level\":\"INFO\"}")), "rate_limitlevelINFO");
        assert_eq!(code_of(Some(&"x".repeat(100))).len(), 64);
    }
}

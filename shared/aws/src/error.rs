//! What can go wrong in a call to AWS, as far as a caller can act on it.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call to AWS failed. The cause is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Throttled, timed out or not reached, after the SDK's own retries: may heal by itself.
    #[error("AWS is unavailable at present")]
    Unavailable(#[source] Cause),
    /// Anything else: a missing permission, a bug, a record that cannot be read.
    #[error("a call to AWS failed")]
    Internal(#[source] Cause),
}

impl CallError {
    /// A failure that no retry heals.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }
}

impl<E, R> From<SdkError<E, R>> for CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let heals = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            SdkError::ServiceError(service) => service.err().code().is_some_and(is_transient),
            _ => false,
        };
        if heals { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

/// Codes of Cognito, DynamoDB and S3 for load and for faults on their side (API references, "Common errors").
fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "InternalError"
            | "InternalErrorException"
            | "InternalServerError"
            | "LimitExceededException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "RequestTimeout"
            | "ServiceUnavailable"
            | "SlowDown"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
    )
}

/// An error and what lies behind it, on one line, for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

//! Errors of calls to AWS, divided into those that a retry can fix and others.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call to AWS failed. The cause is written to the log and never sent to a client.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// AWS throttled the call, timed out or was not reachable, after the SDK's own retries. A later retry may succeed.
    #[error("AWS is temporarily unavailable")]
    Unavailable(#[source] Cause),
    /// Any other error: a missing permission, a bug, or an invalid record.
    #[error("a call to AWS failed")]
    Internal(#[source] Cause),
}

impl CallError {
    /// An error that a retry cannot fix.
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
        let is_retryable = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            SdkError::ServiceError(service) => service.err().code().is_some_and(is_transient),
            _ => false,
        };
        if is_retryable { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

/// Whether a code of Cognito, DynamoDB or S3 means throttling or a fault on their side (API references, "Common
/// errors").
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

/// The messages of an error and its sources on one line, for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

//! What can go wrong behind the store, as far as a caller can act on it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A call to AWS failed. The cause is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, timed out or not reached, after the SDK's own retries: may heal by itself.
    #[error("AWS is unavailable at present")]
    Unavailable(#[source] Cause),
    /// Anything else: a missing permission, a bug, a record that cannot be read.
    #[error("the store failed")]
    Internal(#[source] Cause),
}

impl StoreError {
    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }
}

impl<E, R> From<SdkError<E, R>> for StoreError
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

/// Codes of DynamoDB and S3 for load and for faults on their side (API references, "Common errors").
fn is_transient(code: &str) -> bool {
    matches!(
        code,
        "InternalError"
            | "InternalServerError"
            | "LimitExceededException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "RequestTimeout"
            | "ServiceUnavailable"
            | "SlowDown"
            | "ThrottlingException"
            | "TransactionInProgressException"
    )
}

//! Errors of calls to AWS, divided into those that a retry can fix and others.

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
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

    /// Copies the error, for a call that several things share. The copy keeps only the text of the cause.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unavailable(causes(&**cause).into()),
            Self::Internal(cause) => Self::Internal(causes(&**cause).into()),
        }
    }
}

impl<E> From<SdkError<E, HttpResponse>> for CallError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let is_retryable = match &error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => {
                failure.as_connector_error().is_some_and(is_broken_connection)
            }
            SdkError::ServiceError(service) => {
                is_server_error(service.raw()) || service.err().code().is_some_and(is_temporary)
            }
            _ => false,
        };
        if is_retryable { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

/// As the SDK decides it (`TransientErrorClassifier` of aws-smithy-runtime). The other errors are faults of the request
/// or of the configuration.
fn is_broken_connection(error: &ConnectorError) -> bool {
    error.is_timeout() || error.is_io() || error.as_other().is_some()
}

/// As the SDK decides it (`HttpStatusCodeClassifier` of aws-smithy-runtime).
fn is_server_error(response: &HttpResponse) -> bool {
    matches!(response.status().as_u16(), 500 | 502 | 503 | 504)
}

/// Whether AWS throttled the call or was too slow. The lists are those of the SDK. DynamoDB's conflict with a transaction
/// is not in them, because the SDK by default does not retry it.
fn is_temporary(code: &str) -> bool {
    THROTTLING_ERRORS.contains(&code)
        || TRANSIENT_ERRORS.contains(&code)
        || code == "TransactionConflictException"
}

/// The messages of an error and its sources on one line, for the log.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    /// The kind of an error that a service answers with a status and a code.
    fn kind(status: u16, code: &str) -> &'static str {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        let error = ErrorMetadata::builder().code(code).build();
        match CallError::from(SdkError::service_error(Refused(error), response)) {
            CallError::Unavailable(_) => "unavailable",
            CallError::Internal(_) => "internal",
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Refused(ErrorMetadata);

    impl ProvideErrorMetadata for Refused {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    #[test]
    fn throttling_and_server_errors_are_temporary() {
        for code in [
            "Throttling",
            "ThrottlingException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "SlowDown",
            "RequestTimeout",
            "TransactionInProgressException",
            "TransactionConflictException",
        ] {
            assert_eq!(kind(400, code), "unavailable", "{code}");
        }
        for code in ["ServiceException", "InternalServiceError", "InternalFailure", "ServiceUnavailable"] {
            assert_eq!((kind(500, code), kind(503, code)), ("unavailable", "unavailable"), "{code}");
        }
    }

    #[test]
    fn a_fault_of_the_request_is_internal() {
        for code in
            ["ValidationException", "AccessDeniedException", "ResourceNotFoundException", "NoSuchBucket"]
        {
            assert_eq!((kind(400, code), kind(404, code)), ("internal", "internal"), "{code}");
        }
    }

    #[test]
    fn a_duplicate_has_the_kind_and_the_text_of_the_error() {
        for error in [CallError::internal("broken"), CallError::Unavailable("slow".into())] {
            let duplicate = error.duplicate();
            assert_eq!(causes(&duplicate), causes(&error));
            assert_eq!(matches!(duplicate, CallError::Internal(_)), matches!(error, CallError::Internal(_)));
        }
    }

    #[test]
    fn a_broken_connection_is_temporary() {
        let dispatch = |error| CallError::from(SdkError::<Refused, _>::dispatch_failure(error));
        for error in [ConnectorError::io("reset".into()), ConnectorError::timeout("silence".into())] {
            assert!(matches!(dispatch(error), CallError::Unavailable(_)));
        }
        assert!(matches!(dispatch(ConnectorError::user("no such scheme".into())), CallError::Internal(_)));
    }
}

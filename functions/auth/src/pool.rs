//! The user pool.

use api::{Problem, ProblemCode};
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_types::SdkConfig;

use crate::Password;

/// The user pool's app client.
#[derive(Debug)]
pub struct Pool {
    /// Cognito.
    pub cognito: Client,
    /// The app client of this deployment.
    pub client_id: String,
}

impl Pool {
    /// The app client that `USER_POOL_CLIENT_ID` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("USER_POOL_CLIENT_ID")?))
    }

    /// The app client with this id.
    #[must_use]
    pub fn new(config: &SdkConfig, client_id: String) -> Self {
        Self { cognito: Client::new(config), client_id }
    }
}

/// The code of Cognito's answer, such as `CodeMismatchException`.
pub fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// In seconds. Cognito counts a user's attempts by the hour, and its mails by the day (Quotas in Amazon Cognito).
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// Whether Cognito's own sender has sent its mails of this day, 50 for all users of the account. The exception's code is
/// that of too many attempts; its message begins "Exceeded daily email limit for the operation or the account".
fn is_mail_limit<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    message.starts_with("Exceeded daily email limit")
}

/// What Cognito's errors mean that any call can meet. What depends on the call, its endpoint looks at first.
pub fn problem<E>(error: SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match code_of(&error) {
        // A wrong code, a wrong name and a name that is confirmed already answer alike.
        "CodeMismatchException" | "UserNotFoundException" | "NotAuthorizedException" => {
            Problem::new(ProblemCode::CodeMismatch, "This code is not right for this user.").because(error)
        }
        "ExpiredCodeException" => {
            Problem::new(ProblemCode::CodeExpired, "This code is not valid any more. Ask for a new one.")
        }
        "LimitExceededException" if is_mail_limit(&error) => Problem::new(
            ProblemCode::MailLimitReached,
            "No more mails can be sent today. Try again tomorrow.",
        )
        .retry_after(DAY)
        .because(error),
        "LimitExceededException" | "TooManyFailedAttemptsException" => Problem::new(
            ProblemCode::TooManyAttempts,
            "There were too many attempts. Wait an hour before the next.",
        )
        .retry_after(HOUR)
        .because(error),
        "InvalidParameterException" => Problem::new(
            ProblemCode::InvalidField,
            "The user name, address, password or code has a form that is not accepted.",
        )
        .because(error),
        _ => CallError::from(error).into(),
    }
}

/// 400 `weak-password`: what the password in a field lacks.
#[must_use]
pub fn weak_password(field: &'static str, password: &Password) -> Problem {
    let missing = password.missing();
    let detail = format!("The password is too weak; it lacks: {}.", missing.join(", "));
    Problem::new(ProblemCode::WeakPassword, detail).with("field", field).with("missing", missing)
}

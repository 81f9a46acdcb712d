//! The user pool and its errors.

use std::time::Duration;

use api::{Problem, ProblemCode, Reply, StatusCode};
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{
    Client, Config,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_types::SdkConfig;
use lambda_http::tracing::warn;

use crate::Password;

/// The app client of the user pool.
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
        // Cognito sends its mails before it answers. A second attempt sends a second mail, so it begins later than usual.
        let timeouts = aws::timeouts(Some(Duration::from_secs(4)));
        let config = Config::from(config).to_builder().timeout_config(timeouts).build();
        Self { cognito: Client::from_conf(config), client_id }
    }
}

/// The code of Cognito's error, such as `CodeMismatchException`.
pub fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// In seconds. Cognito counts the attempts of a user per hour, and its e-mails per day (Quotas in Amazon Cognito).
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// Whether Cognito has sent its maximum number of e-mails for today, 50 for all users of the account. The exception has
/// the same code as too many attempts, but its message begins "Exceeded daily email limit for the operation or the account".
fn is_mail_limit<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    message.starts_with("Exceeded daily email limit")
}

/// The response of an endpoint that sends a code: 202 with an empty object. It is the same if the user does not exist, is
/// disabled, or has no confirmed address, or if the mail fails. So the response does not reveal who is registered.
///
/// # Errors
/// As [`problem`], for all other errors.
pub fn code_sent<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> Reply
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    if let Err(error) = result {
        match code_of(&error) {
            "UserNotFoundException" | "NotAuthorizedException" | "InvalidParameterException" => {}
            "CodeDeliveryFailureException" => {
                warn!(cause = aws::causes(&error), "no code could be sent to the address of a user");
            }
            _ => return Err(problem(error)),
        }
    }
    api::json(StatusCode::ACCEPTED, &serde_json::json!({}))
}

/// Converts an error that any call to Cognito can return. An endpoint first handles the errors with a special meaning for
/// its call.
pub fn problem<E>(error: SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match code_of(&error) {
        // The response does not reveal whether the code is wrong, or the user is unknown or already confirmed.
        "CodeMismatchException" | "UserNotFoundException" | "NotAuthorizedException" => {
            Problem::new(ProblemCode::CodeMismatch, "This code is not valid for this user.").because(error)
        }
        "ExpiredCodeException" => {
            Problem::new(ProblemCode::CodeExpired, "This code has expired. Request a new one.")
        }
        "LimitExceededException" if is_mail_limit(&error) => Problem::new(
            ProblemCode::MailLimitReached,
            "No more e-mails can be sent today. Try again tomorrow.",
        )
        .retry_after(DAY)
        .because(error),
        "LimitExceededException" | "TooManyFailedAttemptsException" => {
            Problem::new(ProblemCode::TooManyAttempts, "There were too many attempts. Try again in an hour.")
                .retry_after(HOUR)
                .because(error)
        }
        // The address does not exist, or the sender may not write to it, as in the sandbox of SES (Amazon Cognito API
        // Reference, SignUp, "Errors": thrown if a code fails to deliver successfully).
        "CodeDeliveryFailureException" => Problem::invalid_field(
            "email",
            "email: no mail could be sent to this address. Check it, or use another one.",
        )
        .because(error),
        "InvalidParameterException" => Problem::new(
            ProblemCode::InvalidField,
            "The user name, address, password or code has an invalid form.",
        )
        .because(error),
        _ => CallError::from(error).into(),
    }
}

/// 400 `weak-password`: names what the password in a field lacks.
#[must_use]
pub fn weak_password(field: &'static str, password: &Password) -> Problem {
    let missing = password.missing();
    let detail = format!("The password is too weak. It lacks: {}.", missing.join(", "));
    Problem::new(ProblemCode::WeakPassword, detail).with("field", field).with("missing", missing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, error};

    use super::*;

    /// The response to a request for a code, to which Cognito answers with this error.
    async fn answer(code: &str) -> Answer {
        let aws = FakeAws::new([error("ForgotPassword", code)]);
        let pool = Pool::new(&aws.config(), "client".to_owned());
        let request = pool.cognito.forgot_password().client_id(&pool.client_id).username("ann");
        code_sent(request.send().await).into()
    }

    #[tokio::test]
    async fn who_asks_for_a_code_does_not_learn_who_is_registered() {
        for code in [
            "UserNotFoundException",
            "NotAuthorizedException",
            "InvalidParameterException",
            "CodeDeliveryFailureException",
        ] {
            let answer = answer(code).await;
            assert_eq!((answer.status, answer.body), (202, json!({})), "{code}");
        }
    }
}

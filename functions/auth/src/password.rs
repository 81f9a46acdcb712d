//! Checking a password.

use api::{Problem, ProblemCode};
use aws_sdk_cognitoidentityprovider::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::initiate_auth::InitiateAuthError,
    types::AuthFlowType,
};

use crate::{Password, Pool, Step, code_of, problem};

/// The longest lockout, in seconds (Amazon Cognito Developer Guide, "Lockout behavior for failed sign-in attempts").
const MAX_LOCKOUT: u32 = 15 * 60;

/// Sends a user name, or an e-mail address, and a password to Cognito.
///
/// # Errors
/// Those of InitiateAuth.
pub async fn log_in(
    pool: &Pool,
    name: &str,
    password: &Password,
) -> Result<Step, SdkError<InitiateAuthError, HttpResponse>> {
    let request = pool.cognito.initiate_auth().auth_flow(AuthFlowType::UserPasswordAuth);
    let request = request.client_id(&pool.client_id);
    let request = request.auth_parameters("USERNAME", name).auth_parameters("PASSWORD", password.as_str());
    request.send().await.map(Step::from)
}

/// Checks the password of a user who already has an access token. With this check, a stolen access token is not enough
/// to change how the user logs in. Returns what a login with this password needs next.
///
/// # Errors
/// 403 `wrong-password`, 429 `too-many-attempts`
pub async fn check_password(pool: &Pool, username: &str, password: &Password) -> Result<Step, Problem> {
    log_in(pool, username, password).await.map_err(|error| match code_of(&error) {
        "NotAuthorizedException" if is_lockout(&error) => too_many_attempts().because(error),
        "NotAuthorizedException" | "UserNotFoundException" => wrong_password(),
        _ => login_problem(error),
    })
}

/// Converts an error of a login. A wrong name, a wrong password, and a lockout get the same response, so that the response
/// does not reveal who is registered.
pub fn login_problem<E>(error: SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match code_of(&error) {
        "NotAuthorizedException" | "UserNotFoundException" => {
            Problem::new(ProblemCode::WrongCredentials, "The user name or the password is wrong.")
        }
        "UserNotConfirmedException" => Problem::new(
            ProblemCode::NotConfirmed,
            "Confirm this account first, with the code from the mail.",
        ),
        "PasswordResetRequiredException" => Problem::new(
            ProblemCode::PasswordResetRequired,
            "This password has to be reset before the next login.",
        ),
        _ => problem(error),
    }
}

/// Whether Cognito refuses all attempts of a user for a while, because of wrong passwords or codes. Cognito has no code of
/// its own for this; the developer guide names the message.
pub fn is_lockout<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    message.starts_with("Password attempts exceeded")
}

/// 429 `too-many-attempts`: the user sent too many wrong passwords or codes.
#[must_use]
pub fn too_many_attempts() -> Problem {
    Problem::new(
        ProblemCode::TooManyAttempts,
        "There were too many wrong attempts. Wait a few minutes, then try again.",
    )
    .retry_after(MAX_LOCKOUT)
}

/// 400 `code-mismatch`: the code of the second factor is wrong.
#[must_use]
pub fn wrong_totp() -> Problem {
    Problem::new(ProblemCode::CodeMismatch, "This code is wrong. Try the current one.")
}

/// 400 `code-expired`: the code of the second factor was used before, or is too old.
#[must_use]
pub fn used_totp() -> Problem {
    Problem::new(
        ProblemCode::CodeExpired,
        "This code was already used, or it has expired. Wait for the next one.",
    )
}

/// 403 `wrong-password`: the caller sent a wrong password.
#[must_use]
pub fn wrong_password() -> Problem {
    Problem::new(ProblemCode::WrongPassword, "This is not your current password.")
}

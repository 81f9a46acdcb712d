//! What Cognito stores about a user.

use api::{Problem, ProblemCode};
use aws_sdk_cognitoidentityprovider::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use crate::{Pool, code_of, problem};

/// A user's attributes in the user pool.
#[derive(Debug)]
pub struct Account {
    /// The user name.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the user confirmed the address with a code.
    pub email_verified: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Whether a login needs a code of an authenticator app.
    pub totp: bool,
}

impl Account {
    /// Reads the user of an access token. Cognito checks the token, and whether its session still exists.
    ///
    /// # Errors
    /// 401 `unauthorized` if the session has ended.
    pub async fn read(pool: &Pool, access_token: &str) -> Result<Self, Problem> {
        let user = pool.cognito.get_user().access_token(access_token).send().await.map_err(session_ended)?;
        let totp = user.user_mfa_setting_list().iter().any(|setting| setting == "SOFTWARE_TOKEN_MFA");
        let attribute = |name: &str| {
            let found = user.user_attributes.iter().find(|attribute| attribute.name == name);
            found.and_then(|attribute| attribute.value.clone())
        };
        Ok(Self {
            email: attribute("email"),
            email_verified: attribute("email_verified").as_deref() == Some("true"),
            first_name: attribute("given_name"),
            last_name: attribute("family_name"),
            totp,
            username: user.username,
        })
    }
}

/// Converts the error of a call with an access token. Cognito refuses the token if its session has ended.
pub fn session_ended<E>(error: SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match code_of(&error) {
        "NotAuthorizedException"
        | "UserNotFoundException"
        | "PasswordResetRequiredException"
        | "UserNotConfirmedException" => {
            Problem::new(ProblemCode::Unauthorized, "This session has ended. Log in again.")
        }
        _ => problem(error),
    }
}

/// Ends all sessions of the user of an access token.
///
/// # Errors
/// If Cognito fails.
pub async fn end_all_sessions(pool: &Pool, access_token: &str) -> Result<(), Problem> {
    match pool.cognito.global_sign_out().access_token(access_token).send().await {
        Err(error) => match code_of(&error) {
            // The sessions have already ended, because of another logout or because an admin reset the password.
            "NotAuthorizedException" | "PasswordResetRequiredException" => Ok(()),
            _ => Err(problem(error)),
        },
        Ok(_) => Ok(()),
    }
}

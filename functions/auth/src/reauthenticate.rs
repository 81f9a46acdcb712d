//! Checks that the person at the keyboard is the owner of the account: an access token alone can be stolen.

use api::{Problem, ProblemCode};
use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, ChallengeNameType};

use crate::{Code, Password, Pool, code_of, problem};

/// Checks the password of a user, and the code of the second factor if the user has one. The sessions that Cognito opens
/// for this are not used.
///
/// One call. Two if the user has a second factor.
///
/// # Errors
/// 403 `wrong-password`, 400 `invalid-field` if the code is missing, 400 `code-mismatch`, and as [`problem`].
pub async fn reauthenticate(
    pool: &Pool,
    username: &str,
    password: &Password,
    code: Option<&Code>,
) -> Result<(), Problem> {
    let answer = pool
        .cognito
        .initiate_auth()
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .client_id(&pool.client_id)
        .auth_parameters("USERNAME", username)
        .auth_parameters("PASSWORD", password.as_str())
        .send()
        .await
        .map_err(|error| match code_of(&error) {
            "NotAuthorizedException" | "UserNotFoundException" => {
                Problem::new(ProblemCode::WrongPassword, "This is not your current password.")
            }
            "PasswordResetRequiredException" => Problem::new(
                ProblemCode::PasswordResetRequired,
                "This password has to be reset before the next login.",
            ),
            _ => problem(error),
        })?;
    match answer.challenge_name {
        None => Ok(()),
        Some(ChallengeNameType::SoftwareTokenMfa) => {
            let code = code.ok_or_else(|| {
                Problem::invalid_field("code", "code: send the current code of your authenticator app")
            })?;
            pool.cognito
                .respond_to_auth_challenge()
                .client_id(&pool.client_id)
                .challenge_name(ChallengeNameType::SoftwareTokenMfa)
                .set_session(answer.session)
                .challenge_responses("USERNAME", username)
                .challenge_responses("SOFTWARE_TOKEN_MFA_CODE", code.as_str())
                .send()
                .await
                .map_err(problem)?;
            Ok(())
        }
        Some(_) => Err(Problem::new(
            ProblemCode::ChallengeRequired,
            "This account needs another step before it can log in. Log in again first.",
        )),
    }
}

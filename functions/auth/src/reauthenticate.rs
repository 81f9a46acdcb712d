//! Checks that the caller is the owner of the account, because an access token alone can be stolen.

use api::Problem;
use aws_sdk_cognitoidentityprovider::types::ChallengeNameType;

use crate::{
    Code, Password, Pool, Step, check_password, code_of, is_lockout, problem, too_many_attempts, used_totp,
    wrong_totp,
};

/// Checks the password of a user, and the code of the second factor if the user has one. Returns Cognito's response,
/// whose tokens are not for the caller.
///
/// One call. Two if the user has a second factor.
///
/// # Errors
/// As [`check_password`]. 400 `invalid-field` if the code is missing, 400 `code-mismatch`, 400 `code-expired`.
pub async fn reauthenticate(
    pool: &Pool,
    username: &str,
    password: &Password,
    code: Option<&Code>,
) -> Result<Step, Problem> {
    let step = check_password(pool, username, password).await?;
    if !step.needs_totp() {
        return Ok(step);
    }
    let code = code.ok_or_else(|| {
        Problem::invalid_field("code", "code: send the current code of your authenticator app")
    })?;
    let request = pool.cognito.respond_to_auth_challenge().client_id(&pool.client_id);
    let request =
        request.challenge_name(ChallengeNameType::SoftwareTokenMfa).set_session(step.into_session());
    let request = request.challenge_responses("USERNAME", username);
    let request = request.challenge_responses("SOFTWARE_TOKEN_MFA_CODE", code.as_str());
    request.send().await.map(Step::from).map_err(|error| match code_of(&error) {
        "CodeMismatchException" => wrong_totp(),
        "ExpiredCodeException" => used_totp(),
        "NotAuthorizedException" if is_lockout(&error) => too_many_attempts().because(error),
        _ => problem(error),
    })
}

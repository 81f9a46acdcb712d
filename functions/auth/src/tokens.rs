//! Tokens as clients get them.

use api::{ErrorStatus, Problem};
use aws_sdk_cognitoidentityprovider::operation::initiate_auth::InitiateAuthOutput;
use serde::Serialize;

/// A set of tokens. It has no `Debug`, so that no log can show it.
#[derive(Serialize)]
pub struct TokensBody {
    access_token: String,
    id_token: String,
    refresh_token: String,
    token_type: &'static str,
    /// Seconds for which the access token works.
    expires_in: i32,
}

impl TokensBody {
    /// The tokens of Cognito's answer. A refresh gives no new refresh token unless the pool rotates them;
    /// then the one that was sent goes on.
    ///
    /// # Errors
    /// 403 `challenge-required` where Cognito wants another step first, such as a new password.
    pub fn new(answer: InitiateAuthOutput, sent: Option<&str>) -> Result<Self, Problem> {
        let Some(tokens) = answer.authentication_result else {
            return Err(Problem::new(
                ErrorStatus::Forbidden,
                "challenge-required",
                "This account needs a further step before it can log in. Ask the operator.",
            ));
        };
        let refresh_token = tokens.refresh_token.or_else(|| sent.map(str::to_owned));
        let complete = tokens.access_token.zip(tokens.id_token).zip(refresh_token);
        let ((access_token, id_token), refresh_token) =
            complete.ok_or_else(|| Problem::internal("Cognito gave an incomplete set of tokens"))?;
        Ok(Self {
            access_token,
            id_token,
            refresh_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
        })
    }
}

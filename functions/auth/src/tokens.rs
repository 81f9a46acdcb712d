//! Tokens in responses.

use api::{Problem, ProblemCode, Reply, StatusCode};
use aws_sdk_cognitoidentityprovider::operation::initiate_auth::InitiateAuthOutput;
use lambda_http::http::header;
use serde::{Deserialize, Serialize};

use crate::cookie;

/// Where the response contains the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefreshTokenIn {
    /// In the body, for clients that can store it safely.
    #[default]
    Body,
    /// In a cookie, for web pages.
    Cookie,
}

/// A set of tokens. It has no `Debug`, so that no log can show it.
#[derive(Serialize)]
struct TokensBody {
    access_token: String,
    id_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: &'static str,
    /// The lifetime of the access token, in seconds.
    expires_in: i32,
}

/// The response with Cognito's tokens. `sent` is the refresh token of the request. Unless the pool rotates refresh tokens,
/// a refresh returns no new one; then the old token and its cookie remain valid.
///
/// # Errors
/// 403 `challenge-required` if Cognito requires another step first, such as a new password.
pub fn tokens(answer: InitiateAuthOutput, sent: Option<&str>, place: RefreshTokenIn) -> Reply {
    let Some(tokens) = answer.authentication_result else {
        return Err(Problem::new(
            ProblemCode::ChallengeRequired,
            "This account needs another step before it can log in. Ask the operator.",
        ));
    };
    let incomplete = || Problem::internal("Cognito returned an incomplete set of tokens");
    let refresh_token = tokens.refresh_token.as_deref().or(sent).ok_or_else(incomplete)?;
    let body = TokensBody {
        access_token: tokens.access_token.ok_or_else(incomplete)?,
        id_token: tokens.id_token.ok_or_else(incomplete)?,
        refresh_token: (place == RefreshTokenIn::Body).then(|| refresh_token.to_owned()),
        token_type: "Bearer",
        expires_in: tokens.expires_in,
    };
    let mut reply = api::json(StatusCode::OK, &body)?;
    if place == RefreshTokenIn::Cookie && sent != Some(refresh_token) {
        reply.headers_mut().append(header::SET_COOKIE, cookie::store(refresh_token)?);
    }
    Ok(reply)
}

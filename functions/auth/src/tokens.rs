//! Tokens and challenges in responses.

use std::collections::HashMap;

use api::{Problem, ProblemCode, Reply, StatusCode};
use aws_sdk_cognitoidentityprovider::{
    operation::{initiate_auth::InitiateAuthOutput, respond_to_auth_challenge::RespondToAuthChallengeOutput},
    types::{AuthenticationResultType, ChallengeNameType},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lambda_http::http::{HeaderMap, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

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

impl RefreshTokenIn {
    /// Where the client keeps its refresh token: in the cookie, if the request has one.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        match cookie::refresh_token(headers) {
            Some(_) => Self::Cookie,
            None => Self::Body,
        }
    }
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

/// What Cognito answers to a password, a refresh token or the response to a challenge: tokens, or a challenge.
pub struct Step {
    tokens: Option<AuthenticationResultType>,
    challenge: Option<ChallengeNameType>,
    session: Option<String>,
    parameters: Option<HashMap<String, String>>,
}

impl From<InitiateAuthOutput> for Step {
    fn from(output: InitiateAuthOutput) -> Self {
        Self {
            tokens: output.authentication_result,
            challenge: output.challenge_name,
            session: output.session,
            parameters: output.challenge_parameters,
        }
    }
}

impl From<RespondToAuthChallengeOutput> for Step {
    fn from(output: RespondToAuthChallengeOutput) -> Self {
        Self {
            tokens: output.authentication_result,
            challenge: output.challenge_name,
            session: output.session,
            parameters: output.challenge_parameters,
        }
    }
}

/// The step that a user must take before the login is complete.
#[derive(Serialize)]
struct ChallengeBody {
    challenge: &'static str,
    session: String,
    username: String,
}

impl Step {
    /// Whether Cognito asks for a code of the user's authenticator app.
    #[must_use]
    pub fn needs_totp(&self) -> bool {
        self.challenge == Some(ChallengeNameType::SoftwareTokenMfa)
    }

    /// The user's groups at this moment, from the access token that Cognito has just issued. `None` if it issued none.
    #[must_use]
    pub fn groups(&self) -> Option<Vec<String>> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(rename = "cognito:groups", default)]
            groups: Vec<String>,
        }
        // Cognito sent the token, so its signature needs no check.
        let claims: Claims = unverified_claims(self.access_token().ok()?)?;
        Some(claims.groups)
    }

    /// The access token.
    ///
    /// # Errors
    /// 403 `challenge-required` if Cognito requires another step first.
    pub fn access_token(&self) -> Result<&str, Problem> {
        let token = self.tokens.as_ref().and_then(|tokens| tokens.access_token.as_deref());
        token.ok_or_else(challenge_required)
    }

    /// The session of the challenge.
    #[must_use]
    pub fn into_session(self) -> Option<String> {
        self.session
    }

    /// The response with the tokens or the challenge. `sent_username` is the name in the request.
    ///
    /// # Errors
    /// 403 `challenge-required` if Cognito requires a step that this API does not offer.
    pub fn reply(self, sent_username: &str, place: RefreshTokenIn) -> Reply {
        if self.tokens.is_some() {
            return self.tokens(None, place);
        }
        let challenge = match self.challenge {
            Some(ChallengeNameType::SoftwareTokenMfa) => "totp",
            Some(ChallengeNameType::NewPasswordRequired) => "new_password",
            _ => return Err(challenge_required()),
        };
        let session = self.session.ok_or_else(|| Problem::internal("Cognito returned no session"))?;
        // The response to a challenge must name the user, and not by an alias (Cognito's API reference,
        // AdminInitiateAuth, "ChallengeParameters").
        let username = self.parameters.and_then(|mut parameters| parameters.remove("USER_ID_FOR_SRP"));
        let username = username.unwrap_or_else(|| sent_username.to_owned());
        api::json(StatusCode::OK, &ChallengeBody { challenge, session, username })
    }

    /// The response with the tokens. `sent` is the refresh token of the request. Unless the pool rotates refresh tokens,
    /// a refresh returns no new one; then the old token and its cookie remain valid.
    ///
    /// # Errors
    /// 403 `challenge-required` if Cognito requires another step first.
    pub fn tokens(self, sent: Option<&str>, place: RefreshTokenIn) -> Reply {
        let tokens = self.tokens.ok_or_else(challenge_required)?;
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
}

/// The claims of a token whose signature was not checked. `None` if the text is no token.
#[must_use]
pub fn unverified_claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    // Other characters are no token (Cognito's API reference, GetUser, "AccessToken").
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=.".contains(&byte)) {
        return None;
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn challenge_required() -> Problem {
    Problem::new(
        ProblemCode::ChallengeRequired,
        "This account needs another step before it can log in. Ask the operator.",
    )
}

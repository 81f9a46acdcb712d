//! `POST /api/auth/logout`: ends the session of a refresh token, from the body or else from the cookie, or with
//! `everywhere` all of the caller's. A 204 removes the cookie, whichever session has ended.
//!
//! Access tokens are checked without asking Cognito, so one that is out works until it expires.

use api::{Caller, Error, Problem, Reply, Request};
use auth::{Pool, code_of, cookie, problem};
use lambda_http::http::header;
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let pool = Pool::from_env(&aws::config()?)?;
    api::serve(|request| logout(&pool, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    refresh_token: Option<String>,
    #[serde(default)]
    everywhere: bool,
}

async fn logout(pool: &Pool, request: Request) -> Reply {
    Caller::of(&request).await?;
    let body: Body = api::body(&request)?;
    if body.everywhere {
        sign_out_everywhere(pool, api::bearer(&request)?).await?;
    } else {
        let token = body.refresh_token.as_deref().or_else(|| cookie::sent(request.headers()));
        let token = token.ok_or_else(|| {
            Problem::invalid_field(
                "refresh_token",
                "refresh_token: name the session, or send everywhere: true",
            )
        })?;
        revoke(pool, token).await?;
    }
    let mut reply = api::no_content()?;
    reply.headers_mut().append(header::SET_COOKIE, cookie::forgotten()?);
    Ok(reply)
}

/// Ends every session of the user, that of any refresh token named included.
async fn sign_out_everywhere(pool: &Pool, access_token: &str) -> Result<(), Problem> {
    match pool.cognito.global_sign_out().access_token(access_token).send().await {
        Err(error) => match code_of(&error) {
            // The token was signed out before, or an admin has ended them all with the password: the state asked for.
            "NotAuthorizedException" | "PasswordResetRequiredException" => Ok(()),
            _ => Err(problem(error)),
        },
        Ok(_) => Ok(()),
    }
}

async fn revoke(pool: &Pool, refresh_token: &str) -> Result<(), Problem> {
    match pool.cognito.revoke_token().client_id(&pool.client_id).token(refresh_token).send().await {
        Err(error) => match code_of(&error) {
            // Revoked before, or none of this pool's: dead either way.
            "NotAuthorizedException"
            | "UnauthorizedException"
            | "UnsupportedTokenTypeException"
            | "InvalidParameterException" => Ok(()),
            _ => Err(problem(error)),
        },
        Ok(_) => Ok(()),
    }
}

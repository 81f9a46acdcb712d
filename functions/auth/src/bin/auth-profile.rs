//! `GET /api/auth/profile`: returns the caller with tier and usage.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode, UsageBody};
use auth::{Pool, code_of, problem};
use domain::{TierId, UserId};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| profile(&pool, &records, request)).await
}

#[derive(Serialize)]
struct ProfileBody {
    id: UserId,
    username: String,
    email: Option<String>,
    groups: Vec<String>,
    tier: TierId,
    usage: UsageBody,
    features: Features,
}

/// The features of this deployment. The caller's tier decides whether the caller may use them.
#[derive(Serialize)]
struct Features {
    ai: bool,
    dropbox: bool,
}

async fn profile(pool: &Pool, records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let now = domain::now();
    let (email, profile) = tokio::try_join!(email(pool, api::bearer(&request)?), async {
        records.counted_profile(&caller.user, now).await.map_err(Problem::from)
    })?;
    let body = ProfileBody {
        id: caller.user,
        username: caller.username,
        email,
        groups: caller.groups,
        tier: profile.tier,
        usage: UsageBody::new(&profile.usage, now),
        features: Features { ai: api::ai_is_configured(), dropbox: api::dropbox_is_configured() },
    };
    api::json(StatusCode::OK, &body)
}

/// The e-mail address of the user, which is not in the access token.
async fn email(pool: &Pool, access_token: &str) -> Result<Option<String>, Problem> {
    let answer = pool.cognito.get_user().access_token(access_token).send().await;
    let user = answer.map_err(|error| match code_of(&error) {
        "NotAuthorizedException"
        | "UserNotFoundException"
        | "PasswordResetRequiredException"
        | "UserNotConfirmedException" => {
            Problem::new(ProblemCode::Unauthorized, "This session has ended. Log in again.")
        }
        _ => problem(error),
    })?;
    let email = user.user_attributes.into_iter().find(|attribute| attribute.name == "email");
    Ok(email.and_then(|attribute| attribute.value))
}

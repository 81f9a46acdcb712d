//! The rule that admins need a second factor, if the deployment has this rule.

use std::{
    collections::HashMap,
    env,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use aws::CallError;
use aws_sdk_cognitoidentityprovider::{Client, error::ProvideErrorMetadata};
use aws_types::SdkConfig;

use crate::{Problem, ProblemCode};

/// Checks whether users have a second factor. An instance remembers the token of a user with one for a minute.
///
/// It does not remember the user. When an admin sets up a second factor, all other sessions end (`auth-totp-confirm`).
/// Only Cognito knows which tokens belong to them.
#[derive(Debug)]
pub(crate) struct SecondFactor {
    cognito: Client,
    /// The hashes of tokens, each with the time of the check.
    seen: Mutex<HashMap<u64, Instant>>,
    hasher: RandomState,
}

impl SecondFactor {
    const REMEMBERED: Duration = Duration::from_secs(60);

    /// The check, if `ADMIN_TOTP` is `on`.
    ///
    /// # Errors
    /// 500 if a variable of Lambda is missing.
    pub(crate) fn from_env() -> Result<Option<&'static Self>, Problem> {
        static CHECK: OnceLock<Option<SecondFactor>> = OnceLock::new();
        if let Some(check) = CHECK.get() {
            return Ok(check.as_ref());
        }
        let check = match env::var("ADMIN_TOTP").as_deref() {
            Ok("on") => Some(Self::new(&aws::config()?)),
            _ => None,
        };
        Ok(CHECK.get_or_init(|| check).as_ref())
    }

    fn new(config: &SdkConfig) -> Self {
        Self { cognito: Client::new(config), seen: Mutex::default(), hasher: RandomState::new() }
    }

    /// Requires that the user of an access token has set up a second factor.
    ///
    /// # Errors
    /// 403 `second-factor-required`. 401 `unauthorized` if the session has ended.
    pub(crate) async fn require(&self, access_token: &str) -> Result<(), Problem> {
        let token = self.hasher.hash_one(access_token);
        if self.has_seen(token) {
            return Ok(());
        }
        // With the user's own token, this call needs no permission.
        let answer = self.cognito.get_user().access_token(access_token).send().await;
        let account =
            answer.map_err(|error| match error.as_service_error().and_then(|error| error.code()) {
                Some("NotAuthorizedException" | "UserNotFoundException") => {
                    Problem::unauthorized().because(error)
                }
                _ => CallError::from(error).into(),
            })?;
        if account.user_mfa_setting_list().is_empty() {
            return Err(Problem::new(
                ProblemCode::SecondFactorRequired,
                "Admins of this deployment need a second factor. Set one up with POST /api/auth/totp.",
            ));
        }
        self.remember(token);
        Ok(())
    }

    fn has_seen(&self, token: u64) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&token).is_some_and(|at| at.elapsed() < Self::REMEMBERED)
    }

    fn remember(&self, token: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| at.elapsed() < Self::REMEMBERED);
        seen.insert(token, Instant::now());
    }
}

//! The user pool, for the end of an account.

use aws::CallError;
use aws_sdk_cognitoidentityprovider::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_types::SdkConfig;
use domain::UserId;

/// The user pool.
#[derive(Debug)]
pub struct Pool {
    cognito: Client,
    id: String,
}

impl Pool {
    /// The pool that `USER_POOL_ID` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("USER_POOL_ID")?))
    }

    /// The user pool with this id.
    #[must_use]
    pub fn new(config: &SdkConfig, id: String) -> Self {
        Self { cognito: Client::new(config), id }
    }

    /// The id of the pool.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of a user. `None` if the pool has no such user.
    ///
    /// The operations below take a name. Whether they also take a `sub` depends on the pool's aliases (Amazon Cognito API
    /// Reference, "AdminDeleteUser", `Username`), so this searches for the `sub`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn name_of(&self, user: &UserId) -> Result<Option<String>, CallError> {
        let request = self.cognito.list_users().user_pool_id(&self.id).limit(1);
        let answer = request.filter(format!("sub = \"{user}\"")).send().await?;
        Ok(answer.users.unwrap_or_default().into_iter().next().and_then(|user| user.username))
    }

    /// Ends all sessions of a user, and allows no login any more (Amazon Cognito API Reference, "AdminDisableUser"). Does
    /// nothing if the user does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn disable(&self, name: &str) -> Result<(), CallError> {
        done(self.cognito.admin_disable_user().user_pool_id(&self.id).username(name).send().await)
    }

    /// Deletes a user. Does nothing if the user does not exist.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete(&self, name: &str) -> Result<(), CallError> {
        done(self.cognito.admin_delete_user().user_pool_id(&self.id).username(name).send().await)
    }
}

fn done<T, E>(outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<(), CallError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Err(error) = outcome else { return Ok(()) };
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code == Some("UserNotFoundException") { Ok(()) } else { Err(error.into()) }
}

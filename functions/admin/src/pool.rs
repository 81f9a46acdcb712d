//! The user pool, for admins.

use api::Problem;
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{Client, error::ProvideErrorMetadata, types::UserType};
use aws_types::SdkConfig;
use domain::{Timestamp, UserId};

/// The user pool.
#[derive(Debug)]
pub struct Pool {
    cognito: Client,
    id: String,
}

/// A user in the pool.
#[derive(Clone, Debug)]
pub struct PoolUser {
    /// The `sub`.
    pub id: UserId,
    /// The name the user logs in with.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Cognito's status of the user, such as `CONFIRMED`.
    pub status: String,
    /// When the user registered.
    pub created_at: Timestamp,
}

impl Pool {
    /// The maximum number of users that Cognito lists in one call (ListUsers, "Limit").
    pub const MAX_LIMIT: usize = 60;

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

    /// A page of users, and Cognito's token for the next page.
    ///
    /// # Errors
    /// 400 `bad-cursor` if Cognito no longer accepts the token.
    pub async fn users(
        &self,
        limit: usize,
        token: Option<String>,
    ) -> Result<(Vec<PoolUser>, Option<String>), Problem> {
        let request = self.cognito.list_users().user_pool_id(&self.id).set_pagination_token(token);
        let answer = request.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await;
        let answer =
            answer.map_err(|error| match error.as_service_error().and_then(|error| error.code()) {
                Some("InvalidParameterException") => Problem::bad_cursor().because(error),
                _ => CallError::from(error).into(),
            })?;
        let users = answer.users.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((users, answer.pagination_token))
    }

    /// Whether the user exists.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn has(&self, user: &UserId) -> Result<bool, CallError> {
        let request = self.cognito.list_users().user_pool_id(&self.id).limit(1);
        let answer = request.filter(format!("sub = \"{user}\"")).send().await?;
        Ok(!answer.users().is_empty())
    }
}

fn read(user: UserType) -> Result<PoolUser, CallError> {
    let attribute = |name: &str| {
        let found = user.attributes().iter().find(|attribute| attribute.name == name);
        found.and_then(|attribute| attribute.value.clone())
    };
    let created = user.user_create_date.map(|date| date.to_millis().unwrap_or_default());
    Ok(PoolUser {
        id: attribute("sub").unwrap_or_default().parse().map_err(CallError::internal)?,
        email: attribute("email"),
        enabled: user.enabled,
        status: user.user_status.as_ref().map_or("UNKNOWN", |status| status.as_str()).to_owned(),
        created_at: Timestamp::from_millisecond(created.unwrap_or_default()).map_err(CallError::internal)?,
        username: user.username.unwrap_or_default(),
    })
}

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

    /// The name of a user, which the operations below take. `None` if the pool has no such user. `known` is the name that
    /// the user had, if somebody knows it. Without it, the list of users has to contain the user: see
    /// [`Pool::listed_name_of`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn name_of(&self, user: &UserId, known: Option<&str>) -> Result<Option<String>, CallError> {
        let name = match known {
            Some(name) => Some(name.to_owned()),
            None => self.listed_name_of(user).await?,
        };
        match name {
            Some(name) if self.has(user, &name).await? => Ok(Some(name)),
            _ => Ok(None),
        }
    }

    /// The name of a user in the list of users. The list lags behind the pool: it may lack a user who exists, and contain
    /// one who does not exist any more (Amazon Cognito API Reference, "ListUsers", which refers to AdminGetUser for a
    /// single user).
    ///
    /// Whether AdminGetUser takes a `sub` depends on the pool's aliases (Amazon Cognito API Reference, "AdminGetUser",
    /// `Username`), so only the list finds a `sub`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn listed_name_of(&self, user: &UserId) -> Result<Option<String>, CallError> {
        let request = self.cognito.list_users().user_pool_id(&self.id).limit(1);
        let answer = request.filter(format!("sub = \"{user}\"")).send().await?;
        Ok(answer.users.unwrap_or_default().into_iter().next().and_then(|user| user.username))
    }

    /// Whether the user has this name. Another user may have got it after the user was deleted.
    async fn has(&self, user: &UserId, name: &str) -> Result<bool, CallError> {
        let answer = self.cognito.admin_get_user().user_pool_id(&self.id).username(name).send().await;
        let found = match answer {
            Ok(found) => found,
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let sub = found.user_attributes().iter().find(|attribute| attribute.name() == "sub");
        Ok(sub.and_then(|attribute| attribute.value()) == Some(user.as_str()))
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
    match outcome {
        Err(error) if !is_not_found(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn is_not_found<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("UserNotFoundException")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, USER, error, ok};

    use super::*;

    const OTHER: &str = "5f0c3c9e-0000-4000-8000-000000000001";

    async fn name(aws: &FakeAws, known: Option<&str>) -> Option<String> {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        pool.name_of(&USER.parse().unwrap(), known).await.unwrap()
    }

    /// The answer for the user `ann`, who has this `sub`.
    fn found(sub: &str) -> (&'static str, u16, Value) {
        let attributes = json!([{"Name": "email", "Value": "a@b.c"}, {"Name": "sub", "Value": sub}]);
        ok("AdminGetUser", json!({"Username": "ann", "UserAttributes": attributes}))
    }

    fn listed() -> (&'static str, u16, Value) {
        ok("ListUsers", json!({"Users": [{"Username": "ann"}]}))
    }

    #[tokio::test]
    async fn a_user_whose_name_is_known_needs_no_list() {
        let aws = FakeAws::new([found(USER)]);
        assert_eq!(name(&aws, Some("ann")).await.as_deref(), Some("ann"));
        assert_eq!(aws.operations(), ["AdminGetUser"]);
    }

    #[tokio::test]
    async fn somebody_else_with_the_name_is_not_the_user() {
        assert_eq!(name(&FakeAws::new([found(OTHER)]), Some("ann")).await, None);
        // The list contains a user who does not exist any more.
        assert_eq!(name(&FakeAws::new([listed(), found(OTHER)]), None).await, None);
    }

    #[tokio::test]
    async fn a_user_without_a_known_name_is_searched_for() {
        let aws = FakeAws::new([listed(), found(USER)]);
        assert_eq!(name(&aws, None).await.as_deref(), Some("ann"));
        assert_eq!(name(&FakeAws::new([ok("ListUsers", json!({"Users": []}))]), None).await, None);
    }

    #[tokio::test]
    async fn a_user_who_is_gone_has_no_name() {
        let gone = || error("AdminGetUser", "UserNotFoundException");
        assert_eq!(name(&FakeAws::new([gone()]), Some("ann")).await, None);
        assert_eq!(name(&FakeAws::new([listed(), gone()]), None).await, None);
    }
}

//! The user pool, for admins.

use std::time::Duration;

use api::{Problem, ProblemCode, Query};
use auth::{Email, NewUsername, Username, code_of};
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{
    Client, Config,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeType, DeliveryMediumType, MessageActionType, UserType},
};
use aws_types::SdkConfig;
use domain::{Timestamp, UserId};

/// The group in template.yaml.
const ADMINS: &str = "admin";

/// The user pool.
#[derive(Debug)]
pub struct Pool {
    cognito: Client,
    id: String,
}

/// The longest name of a user (Cognito's API reference, AdminGetUser, "Username").
const MAX_USERNAME: usize = 128;

/// Whose things a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedUser {
    /// Those of all users.
    Any,
    /// Those of one user.
    One(UserId),
    /// Those of a user who does not exist: the list is empty.
    Unknown,
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
    /// Whether the user has proven to own the address, or an admin has entered it.
    pub email_verified: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Cognito's status of the user, such as `CONFIRMED`.
    pub status: String,
    /// When the user registered.
    pub created_at: Timestamp,
}

impl PoolUser {
    /// Whether the user could log in as an admin, if the user is in the group of admins. A user who was invited and has
    /// never logged in could not, because the invitation may be lost.
    #[must_use]
    pub fn can_log_in(&self) -> bool {
        self.enabled && self.status == "CONFIRMED"
    }
}

/// What a search compares with the beginning of its text. Cognito's filter names one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchField {
    /// The name with which users log in. Cognito distinguishes upper and lower case (ListUsers, "Filter").
    Username,
    /// The e-mail address.
    Email,
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
        // Cognito sends its mails before it answers. A second attempt sends a second mail, so it begins later than usual.
        let timeouts = aws::timeouts(Some(Duration::from_secs(4)));
        let config = Config::from(config).to_builder().timeout_config(timeouts).build();
        Self { cognito: Client::from_conf(config), id }
    }

    /// A page of users, and Cognito's token for the next page. `search` is what an attribute begins with.
    ///
    /// # Errors
    /// 400 `bad-cursor` if Cognito no longer accepts the token.
    pub async fn users(
        &self,
        limit: usize,
        token: Option<String>,
        search: Option<(SearchField, &str)>,
    ) -> Result<(Vec<PoolUser>, Option<String>), Problem> {
        let filter = search.map(|(field, text)| {
            let name = match field {
                SearchField::Username => "username",
                SearchField::Email => "email",
            };
            // ListUsers, "Filter": a backslash escapes a quotation mark.
            let text = text.replace('\\', r"\\").replace('"', "\\\"");
            format!("{name} ^= \"{text}\"")
        });
        let request = self.cognito.list_users().user_pool_id(&self.id).set_pagination_token(token);
        let request = request.set_filter(filter).limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(|error| match code_of(&error) {
            "InvalidParameterException" => Problem::bad_cursor().because(error),
            _ => CallError::from(error).into(),
        })?;
        let users = answer.users.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok((users, answer.pagination_token))
    }

    /// The user with this id.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn user(&self, id: &UserId) -> Result<Option<PoolUser>, CallError> {
        let request = self.cognito.list_users().user_pool_id(&self.id).limit(1);
        let answer = request.filter(format!("sub = \"{id}\"")).send().await?;
        answer.users.unwrap_or_default().into_iter().next().map(read).transpose()
    }

    /// The user whose things a list shows: the one that the query's `username` names.
    ///
    /// # Errors
    /// 400 `invalid-field` if the name is too long; the problem of a failed call to Cognito.
    pub async fn listed_user(&self, query: &Query<'_>) -> Result<ListedUser, Problem> {
        let Some(name) = query.text("username") else { return Ok(ListedUser::Any) };
        if name.chars().count() > MAX_USERNAME {
            let detail = format!("username: at most {MAX_USERNAME} characters");
            return Err(Problem::invalid_field("username", detail));
        }
        Ok(self.id_of(name).await?.map_or(ListedUser::Unknown, ListedUser::One))
    }

    /// The id of the user with this name, or with this confirmed e-mail address where addresses are aliases
    /// ("AdminGetUser", `Username`, Amazon Cognito API Reference).
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn id_of(&self, username: &str) -> Result<Option<UserId>, CallError> {
        // Cognito refuses other names.
        if Username::try_from(username.to_owned()).is_err() {
            return Ok(None);
        }
        let answer = self.cognito.admin_get_user().user_pool_id(&self.id).username(username).send().await;
        let user = match answer {
            Ok(user) => user,
            // A name that Cognito refuses belongs to nobody.
            Err(error) => match code_of(&error) {
                "UserNotFoundException" | "InvalidParameterException" => return Ok(None),
                _ => return Err(error.into()),
            },
        };
        let sub = user.user_attributes.into_iter().flatten().find(|attribute| attribute.name == "sub");
        let sub = sub.and_then(|attribute| attribute.value).unwrap_or_default();
        sub.parse().map(Some).map_err(CallError::internal)
    }

    /// The users in the group of admins.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn admins(&self) -> Result<Vec<PoolUser>, CallError> {
        let request = self.cognito.list_users_in_group().user_pool_id(&self.id).group_name(ADMINS);
        let mut users = request.into_paginator().items().send();
        let mut admins = Vec::new();
        while let Some(user) = users.next().await {
            admins.push(read(user?)?);
        }
        Ok(admins)
    }

    /// Whether a user is in the group of admins.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn is_admin(&self, username: &str) -> Result<bool, Problem> {
        let request = self.cognito.admin_list_groups_for_user().user_pool_id(&self.id).username(username);
        let mut groups = request.into_paginator().items().send();
        while let Some(group) = groups.next().await {
            if group.map_err(problem)?.group_name.as_deref() == Some(ADMINS) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Creates a user. Cognito sends a temporary password to the address, which proves the address: nobody else can log in.
    ///
    /// # Errors
    /// 409 `username-taken` or `email-taken`, 400 `invalid-field` for an address that gets no mail, 503
    /// `mail-limit-reached`.
    pub async fn create(&self, username: &NewUsername, email: &Email) -> Result<PoolUser, Problem> {
        let attributes = [attribute("email", email.as_str())?, attribute("email_verified", "true")?];
        let request = self.cognito.admin_create_user().user_pool_id(&self.id).username(username.as_str());
        let request = request.set_user_attributes(Some(attributes.into()));
        let answer = request.desired_delivery_mediums(DeliveryMediumType::Email).send().await;
        let user = match answer {
            Ok(answer) => answer.user,
            // Cognito also answers so if another user has the address: the page "AdminCreateUser" of the Amazon Cognito
            // API Reference lists no AliasExistsException (see also boto/boto3, issue 3213).
            Err(error) if code_of(&error) == "UsernameExistsException" => {
                return Err(match self.id_of(username.as_str()).await? {
                    Some(_) => {
                        Problem::new(ProblemCode::UsernameTaken, "This user name is taken. Choose another.")
                    }
                    None => email_taken(),
                });
            }
            // Cognito creates the user before it sends the mail (aws/aws-sdk, issue 438).
            Err(error) if code_of(&error) == "CodeDeliveryFailureException" => {
                return Err(problem(error).with_detail(
                    "The user was created in the tier of new users and is no admin, but no mail could be sent to this \
                     address. Change the user's address, and then send a temporary password.",
                ));
            }
            Err(error) => return Err(problem(error)),
        };
        let user = user.ok_or_else(|| Problem::internal("Cognito returned no user"))?;
        Ok(read(user)?)
    }

    /// Refuses an e-mail address that is the alias of another user. AdminUpdateUserAttributes may take the alias away
    /// from that user instead of failing (boto/boto3, issue 3213). Then the user could no longer log in with it.
    ///
    /// # Errors
    /// 409 `email-taken`
    pub async fn require_free(&self, email: &Email, user: &UserId) -> Result<(), Problem> {
        match self.id_of(email.as_str()).await? {
            Some(holder) if holder != *user => Err(email_taken()),
            _ => Ok(()),
        }
    }

    /// Sets attributes of a user. An empty value removes an attribute ("AdminUpdateUserAttributes", Amazon Cognito API
    /// Reference).
    ///
    /// # Errors
    /// 409 `email-taken`
    pub async fn set_attributes(&self, username: &str, values: &[(&str, &str)]) -> Result<(), Problem> {
        let attributes = values.iter().map(|(name, value)| attribute(name, value));
        let attributes = attributes.collect::<Result<Vec<_>, _>>()?;
        let request = self.cognito.admin_update_user_attributes().user_pool_id(&self.id).username(username);
        request.set_user_attributes(Some(attributes)).send().await.map_err(problem)?;
        Ok(())
    }

    /// Lets a user log in again.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn enable(&self, username: &str) -> Result<(), Problem> {
        let request = self.cognito.admin_enable_user().user_pool_id(&self.id).username(username);
        request.send().await.map_err(problem)?;
        Ok(())
    }

    /// Prevents the user from logging in.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn disable(&self, username: &str) -> Result<(), Problem> {
        let request = self.cognito.admin_disable_user().user_pool_id(&self.id).username(username);
        request.send().await.map_err(problem)?;
        Ok(())
    }

    /// Ends all sessions of a user. They stay ended when the user is enabled again. API Gateway accepts an access token
    /// until it expires.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn sign_out(&self, username: &str) -> Result<(), Problem> {
        let request = self.cognito.admin_user_global_sign_out().user_pool_id(&self.id).username(username);
        request.send().await.map_err(problem)?;
        Ok(())
    }

    /// Puts a user into the group of admins, or takes the user out.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn set_admin(&self, username: &str, is_admin: bool) -> Result<(), Problem> {
        if is_admin {
            let request = self.cognito.admin_add_user_to_group().user_pool_id(&self.id).username(username);
            request.group_name(ADMINS).send().await.map_err(problem)?;
        } else {
            let request = self.cognito.admin_remove_user_from_group().user_pool_id(&self.id);
            request.username(username).group_name(ADMINS).send().await.map_err(problem)?;
        }
        Ok(())
    }

    /// Replaces a user's password by a temporary one. [`Pool::send_temporary_password`] sends it.
    ///
    /// Cognito sends a temporary password only with an invitation, and repeats an invitation only for a user who has to
    /// change the password ("AdminCreateUser", "MessageAction" and `UnsupportedUserStateException`, Amazon Cognito API
    /// Reference). "AdminSetUserPassword" with `Permanent` false brings every user into this state, and makes the old
    /// password invalid. AdminResetUserPassword is no alternative: it sends a code, and only to a verified address.
    ///
    /// # Errors
    /// If Cognito fails.
    pub async fn set_temporary_password(&self, username: &str, password: &str) -> Result<(), Problem> {
        let request = self.cognito.admin_set_user_password().user_pool_id(&self.id).username(username);
        request.password(password).permanent(false).send().await.map_err(problem)?;
        Ok(())
    }

    /// Lets Cognito send a temporary password to the user's address, after [`Pool::set_temporary_password`].
    ///
    /// # Errors
    /// 503 `mail-limit-reached`
    pub async fn send_temporary_password(&self, username: &str, password: &str) -> Result<(), Problem> {
        let request = self.cognito.admin_create_user().user_pool_id(&self.id).username(username);
        let request = request.message_action(MessageActionType::Resend).temporary_password(password);
        request.desired_delivery_mediums(DeliveryMediumType::Email).send().await.map_err(problem)?;
        Ok(())
    }
}

fn attribute(name: &str, value: &str) -> Result<AttributeType, Problem> {
    AttributeType::builder().name(name).value(value).build().map_err(Problem::internal)
}

/// Converts an error of a call for an admin. Other than for users, it may say who exists.
fn problem<E>(error: SdkError<E, HttpResponse>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match code_of(&error) {
        "UserNotFoundException" => Problem::not_found(),
        "AliasExistsException" => email_taken(),
        "NotAuthorizedException" => CallError::internal(error).into(),
        _ => auth::problem(error),
    }
}

fn email_taken() -> Problem {
    Problem::new(ProblemCode::EmailTaken, "Another user has this e-mail address.").with("field", "email")
}

fn read(user: UserType) -> Result<PoolUser, CallError> {
    let attribute = |name: &str| {
        let found = user.attributes().iter().find(|attribute| attribute.name == name);
        found.and_then(|attribute| attribute.value.clone()).filter(|value| !value.is_empty())
    };
    let created = user.user_create_date.map(|date| date.to_millis().unwrap_or_default());
    Ok(PoolUser {
        id: attribute("sub").unwrap_or_default().parse().map_err(CallError::internal)?,
        email: attribute("email"),
        email_verified: attribute("email_verified").is_some_and(|value| value == "true"),
        first_name: attribute("given_name"),
        last_name: attribute("family_name"),
        enabled: user.enabled,
        status: user.user_status.as_ref().map_or("UNKNOWN", |status| status.as_str()).to_owned(),
        created_at: Timestamp::from_millisecond(created.unwrap_or_default()).map_err(CallError::internal)?,
        username: user.username.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use api::Reply;
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, USER, error, ok};

    use super::*;

    /// Why a user is not created, if Cognito answers so.
    async fn refusal<const N: usize>(answers: [(&'static str, u16, Value); N]) -> Problem {
        let aws = FakeAws::new(answers);
        let username = NewUsername::try_from("ann".to_owned()).unwrap();
        let email = Email::try_from("ann@example.com".to_owned()).unwrap();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        pool.create(&username, &email).await.unwrap_err()
    }

    /// Creates a user, although Cognito reports a conflict. `named` is what it knows about the user name.
    async fn conflict(named: (&'static str, u16, Value)) -> ProblemCode {
        refusal([error("AdminCreateUser", "UsernameExistsException"), named]).await.code()
    }

    #[tokio::test]
    async fn a_taken_name_and_a_taken_address_are_told_apart() {
        let attributes = json!([{"Name": "sub", "Value": USER}]);
        let named = ok("AdminGetUser", json!({"Username": "ann", "UserAttributes": attributes}));
        assert_eq!(conflict(named).await, ProblemCode::UsernameTaken);
        let free = error("AdminGetUser", "UserNotFoundException");
        assert_eq!(conflict(free).await, ProblemCode::EmailTaken);
    }

    #[tokio::test]
    async fn an_admin_learns_that_a_user_exists_whose_address_gets_no_mail() {
        let problem = refusal([error("AdminCreateUser", "CodeDeliveryFailureException")]).await;
        assert_eq!(problem.code(), ProblemCode::InvalidField);
        let answer: Answer = Reply::Err(problem).into();
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("email")));
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.starts_with("The user was created"), "{detail}");
    }
}

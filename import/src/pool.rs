//! The calls to Cognito.

use std::{fmt::Write, fs::File, io::Read};

use auth::code_of;
use aws::CallError;
use aws_sdk_cognitoidentityprovider::{
    Client,
    operation::admin_create_user::builders::AdminCreateUserFluentBuilder,
    types::{AttributeType, DeliveryMediumType, MessageActionType, UserStatusType},
};
use aws_types::SdkConfig;
use domain::UserId;

use crate::{
    manifest::UserLine,
    outcome::{LineError, refused},
};

/// The group of the admins.
const ADMINS: &str = "admin";

/// The user pool.
#[derive(Debug)]
pub(crate) struct Pool {
    cognito: Client,
    id: String,
}

/// A user of the pool.
#[derive(Debug)]
pub(crate) struct PoolUser {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) is_email_verified: bool,
    /// The user has never logged in, and has at most a temporary password.
    pub(crate) needs_password: bool,
}

impl Pool {
    pub(crate) fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self { cognito: Client::new(config), id: aws::var("USER_POOL_ID")? })
    }

    /// The user with this name.
    pub(crate) async fn user(&self, username: &str) -> Result<Option<PoolUser>, LineError> {
        let found = self.cognito.admin_get_user().user_pool_id(&self.id).username(username).send().await;
        let found = match found {
            Ok(found) => found,
            Err(error) if code_of(&error) == "UserNotFoundException" => return Ok(None),
            Err(error) => return Err(CallError::from(error).into()),
        };
        let attribute = |name: &str| {
            let mut attributes = found.user_attributes().iter();
            attributes.find(|attribute| attribute.name() == name).and_then(AttributeType::value)
        };
        let id = attribute("sub").and_then(|sub| sub.parse().ok());
        Ok(Some(PoolUser {
            id: id.ok_or_else(|| CallError::internal("Cognito returned a user without a sub"))?,
            email: attribute("email").unwrap_or_default().to_owned(),
            is_email_verified: attribute("email_verified") == Some("true"),
            needs_password: found.user_status == Some(UserStatusType::ForceChangePassword),
        }))
    }

    /// Creates a user. Cognito sends no mail yet.
    ///
    /// The address counts as confirmed, because the earlier application has used it. Without a confirmed address,
    /// Cognito would not send the code for a new password (Amazon Cognito API Reference, "ForgotPassword").
    pub(crate) async fn create(&self, user: &UserLine) -> Result<(), LineError> {
        let attributes = [
            ("email", Some(user.email.as_str())),
            ("email_verified", Some("true")),
            ("given_name", user.first_name.as_ref().map(|name| name.as_str())),
            ("family_name", user.last_name.as_ref().map(|name| name.as_str())),
        ];
        let mut create = self.create_user(user).message_action(MessageActionType::Suppress);
        for (name, value) in attributes {
            let Some(value) = value else { continue };
            let attribute = AttributeType::builder().name(name).value(value).build();
            create = create.user_attributes(attribute.map_err(CallError::internal)?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(match code_of(&error) {
                // The user name was free a moment ago. Cognito also answers so if the address is taken.
                "AliasExistsException" | "UsernameExistsException" => {
                    refused("email: another user has this e-mail address")
                }
                "InvalidParameterException" => {
                    refused("Cognito does not accept this user name, e-mail address, first or last name")
                }
                _ => CallError::from(error).into(),
            }),
        }
    }

    /// Sends the user a mail with a temporary password, which the user replaces at the first login.
    ///
    /// `RESEND` sends the invitation to a user who exists. Without `EMAIL`, Cognito would send an SMS (Amazon Cognito
    /// API Reference, "AdminCreateUser").
    pub(crate) async fn invite(&self, user: &UserLine) -> Result<(), LineError> {
        let invite = self.create_user(user).message_action(MessageActionType::Resend);
        invite.desired_delivery_mediums(DeliveryMediumType::Email).send().await.map_err(CallError::from)?;
        Ok(())
    }

    fn create_user(&self, user: &UserLine) -> AdminCreateUserFluentBuilder {
        self.cognito.admin_create_user().user_pool_id(&self.id).username(user.username.as_str())
    }

    /// Gives the user a random password that nobody knows.
    ///
    /// With a temporary password, the user could not ask for a new one: Cognito refuses ForgotPassword in the status
    /// `FORCE_CHANGE_PASSWORD` with "User password cannot be reset in the current state". A permanent password sets the
    /// status `CONFIRMED` (Amazon Cognito API Reference, "AdminSetUserPassword").
    pub(crate) async fn set_random_password(&self, user: &UserLine) -> Result<(), LineError> {
        let password = random_password().map_err(CallError::internal)?;
        let set = self.cognito.admin_set_user_password().user_pool_id(&self.id);
        let set = set.username(user.username.as_str()).password(password).permanent(true);
        set.send().await.map_err(CallError::from)?;
        Ok(())
    }

    /// Makes the user an admin.
    pub(crate) async fn make_admin(&self, user: &UserLine) -> Result<(), LineError> {
        let add = self.cognito.admin_add_user_to_group().user_pool_id(&self.id).group_name(ADMINS);
        add.username(user.username.as_str()).send().await.map_err(CallError::from)?;
        Ok(())
    }

    /// Disables the user.
    pub(crate) async fn disable(&self, user: &UserLine) -> Result<(), LineError> {
        let disable = self.cognito.admin_disable_user().user_pool_id(&self.id);
        disable.username(user.username.as_str()).send().await.map_err(CallError::from)?;
        Ok(())
    }
}

/// A password with 192 random bits. Its beginning has every kind of character that the pool's policy requires.
fn random_password() -> std::io::Result<String> {
    let mut bytes = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut password = "Aa1-".to_owned();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(password, "{byte:02x}");
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{FakeAws, error};

    use super::*;
    use crate::manifest::{Line, parse};

    /// What is said about a user whom Cognito refuses with this code.
    async fn refusal(code: &str) -> LineError {
        let line =
            json!({"type": "user", "username": "ann", "email": "ann@example.com", "first_name": "Ann"});
        let Ok(Line::User(user)) = parse(&line.to_string()) else { panic!("no user") };
        let aws = FakeAws::new([error("AdminCreateUser", code)]);
        let pool = Pool { cognito: Client::new(&aws.config()), id: "pool".to_owned() };
        let error = pool.create(&user).await.unwrap_err();
        let (_, sent) = aws.calls().pop().unwrap();
        assert_eq!((&sent["MessageAction"], sent.get("ForceAliasCreation")), (&json!("SUPPRESS"), None));
        error
    }

    #[tokio::test]
    async fn a_taken_address_is_refused_and_a_failure_stops_the_import() {
        for code in ["AliasExistsException", "UsernameExistsException"] {
            let error = refusal(code).await;
            assert_eq!(error.to_string(), "email: another user has this e-mail address");
        }
        assert!(matches!(refusal("InvalidParameterException").await, LineError::Refused(_)));
        assert!(matches!(refusal("AccessDeniedException").await, LineError::Call(CallError::Internal(_))));
    }

    #[test]
    fn a_random_password_satisfies_the_policy_of_the_pool() {
        let password = random_password().unwrap();
        assert_ne!(password, random_password().unwrap());
        assert_eq!(auth::Password::try_from(password).unwrap().missing(), Vec::<&str>::new());
    }
}

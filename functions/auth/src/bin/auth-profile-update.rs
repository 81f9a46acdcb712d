//! `PATCH /api/auth/profile`: changes the caller's names at once. Cognito sends a code to a new e-mail address. The
//! address changes when the user confirms the code.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use auth::{Account, Email, Password, PersonName, Pool, ProfileBody, check_password, code_of, session_ended};
use aws_sdk_cognitoidentityprovider::{
    operation::update_user_attributes::UpdateUserAttributesOutput, types::AttributeType,
};
use domain::UserId;
use serde::Deserialize;
use store::{PendingEmail, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| update(&pool, &records, request)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, deserialize_with = "api::nullable")]
    first_name: Option<Option<PersonName>>,
    #[serde(default, deserialize_with = "api::nullable")]
    last_name: Option<Option<PersonName>>,
    email: Option<Email>,
    password: Option<Password>,
}

/// What happens to the new e-mail address that waits for its code.
enum EmailChange {
    Unchanged,
    /// Cognito sends a code to this address.
    Replaced(String),
    /// The user wants to keep the present address.
    Withdrawn,
}

async fn update(pool: &Pool, records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let access_token = api::bearer(&request)?;
    let body: Body = api::body(&request)?;
    if body.email.is_some() && body.password.is_none() {
        return Err(Problem::invalid_field(
            "password",
            "password: send your current password to change the e-mail address",
        ));
    }
    let now = domain::now();
    let (mut account, profile, pending_before, ()) = tokio::try_join!(
        Account::read(pool, access_token),
        async { records.counted_profile(&caller.user, now).await.map_err(Problem::from) },
        async { records.pending_email(&caller.user, now).await.map_err(Problem::from) },
        may_change_email(pool, &caller, &body),
    )?;

    let mut names = Vec::new();
    for (name, change, current) in [
        ("given_name", &body.first_name, &mut account.first_name),
        ("family_name", &body.last_name, &mut account.last_name),
    ] {
        if let Some(change) = change {
            *current = change.as_ref().map(|name| name.as_str().to_owned());
            // A blank value deletes the attribute (Cognito's API reference, UpdateUserAttributes).
            names.push(attribute(name, current.as_deref().unwrap_or_default())?);
        }
    }
    let change = EmailChange::of(body.email.as_ref(), &account);
    update_attributes(pool, access_token, names, &change).await?;
    // Afterwards: if Cognito refuses the new address, an earlier one still waits for its code.
    change.store(records, &caller.user, now).await?;
    let pending_email = match change {
        EmailChange::Unchanged => pending_before.map(|before| before.email),
        EmailChange::Replaced(email) => Some(email),
        EmailChange::Withdrawn => None,
    };
    api::json(StatusCode::OK, &ProfileBody::new(caller, account, pending_email, &profile, now))
}

/// A user who can change the address can set a new password with a code. So a stolen access token must not be enough.
async fn may_change_email(pool: &Pool, caller: &Caller, body: &Body) -> Result<(), Problem> {
    match (&body.email, &body.password) {
        (Some(_), Some(password)) => check_password(pool, &caller.username, password).await.map(drop),
        _ => Ok(()),
    }
}

impl EmailChange {
    fn of(email: Option<&Email>, account: &Account) -> Self {
        let Some(email) = email.map(Email::as_str) else { return Self::Unchanged };
        let is_current = account.email.as_deref().is_some_and(|current| current.eq_ignore_ascii_case(email));
        if is_current && account.email_verified { Self::Withdrawn } else { Self::Replaced(email.to_owned()) }
    }

    async fn store(&self, records: &Records, user: &UserId, now: domain::Timestamp) -> Result<(), Problem> {
        match self {
            Self::Unchanged => Ok(()),
            Self::Replaced(email) => {
                Ok(records.put_pending_email(user, &PendingEmail::new(email, now)).await?)
            }
            Self::Withdrawn => Ok(records.delete_pending_email(user).await?),
        }
    }
}

/// Changes the names, and lets Cognito send a code to a new address.
async fn update_attributes(
    pool: &Pool,
    access_token: &str,
    names: Vec<AttributeType>,
    change: &EmailChange,
) -> Result<(), Problem> {
    let send = async |attributes: Vec<AttributeType>| {
        let update = pool.cognito.update_user_attributes().access_token(access_token);
        match attributes.is_empty() {
            true => Ok(UpdateUserAttributesOutput::builder().build()),
            false => update.set_user_attributes(Some(attributes)).send().await,
        }
    };
    let mut attributes = names.clone();
    if let EmailChange::Replaced(email) = change {
        attributes.push(attribute("email", email)?);
    }
    match send(attributes).await {
        // The response must not reveal that somebody has this address. The user waits for a code in vain.
        Err(error) if code_of(&error) == "AliasExistsException" => {
            send(names).await.map_err(session_ended)?
        }
        outcome => outcome.map_err(session_ended)?,
    };
    Ok(())
}

fn attribute(name: &str, value: &str) -> Result<AttributeType, Problem> {
    AttributeType::builder().name(name).value(value).build().map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, error, item, items, ok, profile, tier};

    use super::*;

    /// The responses that every request needs, and these.
    fn aws<const N: usize>(more: [(&'static str, u16, Value); N]) -> FakeAws {
        let attribute = |name: &str, value: &str| json!({"Name": name, "Value": value});
        let attributes = [
            attribute("email", "ann@example.com"),
            attribute("email_verified", "true"),
            attribute("given_name", "Ann"),
        ];
        let mut profile = profile(tier());
        profile["sets"] = json!(0);
        let usual = [
            ok("GetUser", json!({"Username": "ann", "UserAttributes": attributes})),
            ok("GetItem", item(&profile)),
            ok("Query", items(&[])),
            ok("Query", items(&[])),
            ok("GetItem", json!({})),
        ];
        FakeAws::new(usual.into_iter().chain(more))
    }

    fn password_is_right() -> (&'static str, u16, Value) {
        ok("InitiateAuth", json!({"AuthenticationResult": {}}))
    }

    async fn answer(aws: &FakeAws, body: Value) -> Answer {
        let request = TestRequest::new("PATCH").json(&body).build();
        update(&Pool::new(&aws.config(), "client".to_owned()), &aws.records(), request).await.into()
    }

    /// The input of the call of an operation.
    fn call(aws: &FakeAws, operation: &str) -> Option<Value> {
        aws.calls().into_iter().find(|(name, _)| name == operation).map(|(_, input)| input)
    }

    #[tokio::test]
    async fn names_change_at_once_and_null_removes_one() {
        let aws = aws([ok("UpdateUserAttributes", json!({"CodeDeliveryDetailsList": []}))]);
        let answer = answer(&aws, json!({"first_name": null, "last_name": "Lee"})).await;
        let names = (&answer.body["first_name"], &answer.body["last_name"], &answer.body["pending_email"]);
        assert_eq!((answer.status, names), (200, (&Value::Null, &json!("Lee"), &Value::Null)));
        let changes = json!([{"Name": "given_name", "Value": ""}, {"Name": "family_name", "Value": "Lee"}]);
        assert_eq!(call(&aws, "UpdateUserAttributes").unwrap()["UserAttributes"], changes);
        assert_eq!(call(&aws, "InitiateAuth"), None);
    }

    #[tokio::test]
    async fn a_new_address_waits_for_its_code() {
        let new = json!({"email": "new@example.com", "password": "Passw0rd1"});
        for outcome in [
            ok("UpdateUserAttributes", json!({"CodeDeliveryDetailsList": []})),
            // Somebody else has the address.
            error("UpdateUserAttributes", "AliasExistsException"),
        ] {
            let aws = aws([password_is_right(), outcome, ok("PutItem", json!({}))]);
            let answer = answer(&aws, new.clone()).await;
            let emails = (&answer.body["email"], &answer.body["pending_email"]);
            let expected = (&json!("ann@example.com"), &json!("new@example.com"));
            assert_eq!((answer.status, emails), (200, expected));
            assert_eq!(call(&aws, "PutItem").unwrap()["Item"]["email"]["S"], "new@example.com");
        }
    }

    #[tokio::test]
    async fn a_new_address_needs_the_password() {
        let aws = aws([error("InitiateAuth", "NotAuthorizedException")]);
        let wrong = answer(&aws, json!({"email": "new@example.com", "password": "Passw0rd2"})).await;
        assert_eq!((wrong.status, &wrong.body["code"]), (403, &json!("wrong-password")));
        assert_eq!(call(&aws, "UpdateUserAttributes"), None);

        let aws = self::aws([]);
        let none = answer(&aws, json!({"email": "new@example.com"})).await;
        assert_eq!((none.status, &none.body["field"]), (400, &json!("password")));
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn the_present_address_withdraws_a_new_one() {
        let aws = aws([password_is_right(), ok("DeleteItem", json!({}))]);
        let answer = answer(&aws, json!({"email": "Ann@example.com", "password": "Passw0rd1"})).await;
        assert_eq!((answer.status, &answer.body["pending_email"]), (200, &Value::Null));
        assert_eq!(call(&aws, "UpdateUserAttributes"), None);
    }

    #[tokio::test]
    async fn an_address_without_a_code_does_not_wait_and_an_earlier_one_does() {
        let aws = aws([password_is_right(), error("UpdateUserAttributes", "TooManyRequestsException")]);
        let answer = answer(&aws, json!({"email": "new@example.com", "password": "Passw0rd1"})).await;
        assert_eq!(answer.status, 503);
        let writes = |operation: &String| ["PutItem", "DeleteItem"].contains(&operation.as_str());
        assert!(!aws.operations().iter().any(writes));
    }
}

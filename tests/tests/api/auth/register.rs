//! `POST /api/auth/register`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, email_of, unique};

/// The body of a new user's registration.
pub(super) fn account() -> Value {
    let username = unique("ann");
    let email = email_of(&username);
    json!({"username": username, "email": email, "password": "Correct-Horse-9"})
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn a_new_user_is_unconfirmed_and_gets_a_code_by_mail() -> Result<()> {
    let stack = Stack::connect()?;
    let account = account();
    let answer = stack.post("/api/auth/register", &account).await?.json(201)?;
    assert_eq!(answer["user"]["username"], account["username"]);
    assert_eq!(answer["user"]["email"], account["email"]);
    assert!(answer["user"]["id"].as_str().is_some_and(|id| id.len() == 36), "{answer}");
    assert_eq!(answer["confirmed"], false);
    assert!(answer["code_delivery"].is_object(), "{answer}");
    let codes = stack.mailed_codes(&account["email"], 1).await?;
    assert_eq!(codes[0].len(), 6);
    Ok(())
}

#[tokio::test]
async fn a_name_is_given_once() -> Result<()> {
    let stack = Stack::connect()?;
    let account = account();
    stack.post("/api/auth/register", &account).await?.expect(201)?;
    stack.post("/api/auth/register", &account).await?.problem(409, "username-taken")?;
    Ok(())
}

#[tokio::test]
async fn a_weak_password_is_refused_with_what_it_lacks() -> Result<()> {
    let stack = Stack::connect()?;
    let missing = async |password: &str| -> Result<Vec<String>> {
        let mut account = account();
        account["password"] = json!(password);
        let problem = stack.post("/api/auth/register", &account).await?.problem(400, "weak-password")?;
        assert_eq!(problem["field"], "password");
        Ok(serde_json::from_value(problem["missing"].clone())?)
    };
    let everything = missing("a").await?;
    let number_alone = missing("Correct-Horse").await?;
    assert_eq!(number_alone.len(), 1, "{number_alone:?}");
    assert!(everything.len() > 1 && everything.contains(&number_alone[0]), "{everything:?}");
    Ok(())
}

#[tokio::test]
async fn a_field_that_cannot_be_is_named() -> Result<()> {
    let stack = Stack::connect()?;
    for (field, value) in [
        ("email", "nobody"),
        ("password", "Passw0rd 1"),
        ("username", ""),
        ("username", "a b"),
        ("username", "ann@example.com"),
    ] {
        let mut account = account();
        account[field] = json!(value);
        let problem = stack.post("/api/auth/register", &account).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{value:?}");
    }
    Ok(())
}

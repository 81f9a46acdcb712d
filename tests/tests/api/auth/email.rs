//! `POST /api/auth/email/confirm`, after a `PATCH` of the address

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, User, email_of, unique};

const PROFILE: &str = "/api/auth/profile";
const CONFIRM: &str = "/api/auth/email/confirm";

/// The change to a new address.
fn change(user: &User, email: &str) -> Value {
    json!({"email": email, "password": user.password})
}

async fn emails(user: &User) -> Result<(Value, Value)> {
    let profile = user.get(PROFILE).await?.json(200)?;
    Ok((profile["email"].clone(), profile["pending_email"].clone()))
}

async fn login_status(user: &User, email: &str) -> Result<u16> {
    let login = json!({"email": email, "password": user.password});
    Ok(user.stack.post("/api/auth/login", &login).await?.status.as_u16())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn a_new_address_counts_once_its_code_is_confirmed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let new = email_of(&unique("new"));
    let changed = user.patch(PROFILE, &change(&user, &new)).await?.json(200)?;
    assert_eq!((&changed["email"], &changed["pending_email"]), (&json!(user.email), &json!(new)));
    assert_eq!(emails(&user).await?, (json!(user.email), json!(new)));
    assert_eq!((login_status(&user, &user.email).await?, login_status(&user, &new).await?), (200, 401));

    let code = stack.mailed_codes(&json!(new), 1).await?.remove(0);
    let wrong = if code == "123456" { "654321" } else { "123456" };
    user.post(CONFIRM, &json!({"code": wrong})).await?.problem(400, "code-mismatch")?;
    assert_eq!(emails(&user).await?, (json!(user.email), json!(new)));
    user.post(CONFIRM, &json!({"code": code})).await?.expect(204)?;
    assert_eq!(emails(&user).await?, (json!(new), Value::Null));
    assert_eq!((login_status(&user, &user.email).await?, login_status(&user, &new).await?), (401, 200));
    // A code works once.
    let again = user.post(CONFIRM, &json!({"code": code})).await?.json(400)?;
    assert!(["code-mismatch", "code-expired"].contains(&again["code"].as_str().unwrap()), "{again}");
    Ok(())
}

#[tokio::test]
async fn a_stolen_token_is_not_enough_for_a_new_address() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let new = email_of(&unique("new"));
    let problem = user.patch(PROFILE, &json!({"email": new})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "password");
    let wrong = json!({"email": new, "password": "Wrong-Horse-9"});
    user.patch(PROFILE, &wrong).await?.problem(403, "wrong-password")?;
    assert_eq!(emails(&user).await?, (json!(user.email), Value::Null));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn only_who_gets_the_code_learns_that_an_address_is_taken() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let taken = user.patch(PROFILE, &change(&user, &other.email)).await?.json(200)?;
    assert_eq!(taken["pending_email"], json!(other.email));
    let code = stack.mailed_codes(&json!(other.email), 1).await?.remove(0);
    user.post(CONFIRM, &json!({"code": code})).await?.problem(409, "email-taken")?;
    assert_eq!(user.get(PROFILE).await?.json(200)?["email"], json!(user.email));
    assert_eq!(login_status(&other, &other.email).await?, 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn the_code_of_a_withdrawn_address_does_not_work() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let new = email_of(&unique("new"));
    user.patch(PROFILE, &change(&user, &new)).await?.expect(200)?;
    let code = json!({"code": stack.mailed_codes(&json!(new), 1).await?.remove(0)});
    user.patch(PROFILE, &change(&user, &user.email)).await?.expect(200)?;
    user.post(CONFIRM, &code).await?.problem(400, "code-mismatch")?;
    assert_eq!(emails(&user).await?, (json!(user.email), Value::Null));
    assert_eq!((login_status(&user, &user.email).await?, login_status(&user, &new).await?), (200, 401));
    Ok(())
}

#[tokio::test]
async fn the_present_address_withdraws_a_new_one() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.patch(PROFILE, &change(&user, &email_of(&unique("new")))).await?.expect(200)?;
    let kept = user.patch(PROFILE, &change(&user, &user.email)).await?.json(200)?;
    assert_eq!(kept["pending_email"], Value::Null);
    assert_eq!(emails(&user).await?, (json!(user.email), Value::Null));
    Ok(())
}

#[tokio::test]
async fn a_code_that_was_never_sent_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let problem = user.post(CONFIRM, &json!({"code": "123456"})).await?.json(400)?;
    assert!(["code-mismatch", "code-expired"].contains(&problem["code"].as_str().unwrap()), "{problem}");
    Ok(())
}

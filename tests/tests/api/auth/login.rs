//! `POST /api/auth/login`

use anyhow::Result;
use serde_json::json;
use tests::Stack;

use super::register::account;

#[tokio::test]
async fn a_login_gives_tokens_that_open_the_profile() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    assert_eq!(user.tokens.token_type, "Bearer");
    assert!(user.tokens.expires_in > 0);
    assert!(!user.tokens.refresh_token.is_empty());
    assert_eq!(user.get("/api/auth/profile").await?.json(200)?["username"], user.username);
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let wrong = json!({"username": user.username, "password": "Wrong-Horse-9"});
    let unknown = json!({"username": tests::unique("nobody"), "password": "Wrong-Horse-9"});
    let wrong = stack.post("/api/auth/login", &wrong).await?.problem(401, "wrong-credentials")?;
    let unknown = stack.post("/api/auth/login", &unknown).await?.problem(401, "wrong-credentials")?;
    assert_eq!(wrong, unknown);
    Ok(())
}

#[tokio::test]
async fn who_has_not_confirmed_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    let account = account();
    stack.post("/api/auth/register", &account).await?.expect(201)?;
    let login = json!({"username": account["username"], "password": account["password"]});
    stack.post("/api/auth/login", &login).await?.problem(403, "not-confirmed")?;
    Ok(())
}

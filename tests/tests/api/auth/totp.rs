//! `POST /api/auth/totp`, `DELETE /api/auth/totp` and `POST /api/auth/totp/confirm`

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Authenticator, Stack, User};

async fn totp(user: &User) -> Result<Value> {
    Ok(user.get("/api/auth/profile").await?.json(200)?["totp"].take())
}

fn password(user: &User) -> Value {
    json!({"password": user.password})
}

#[tokio::test]
async fn an_authenticator_app_reads_the_secret() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let secret = user.post("/api/auth/totp", &password(&user)).await?.json(200)?;
    let uri = secret["otpauth_uri"].as_str().context("no URI")?;
    let app = Authenticator::from_uri(uri)?;
    assert_eq!(app.label(), ("Darkroom", user.username.as_str()));
    let text = secret["secret"].as_str().context("no secret")?;
    assert!(uri.contains(&format!("secret={text}&")), "{uri}");
    // The setup is not confirmed, so nothing has changed.
    assert_eq!(totp(&user).await?, json!(false));
    user.log_in().await?.json(200)?["access_token"].as_str().context("no token")?;
    Ok(())
}

#[tokio::test]
async fn after_the_setup_a_login_needs_a_code_and_after_the_removal_it_does_not() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    user.set_up_totp().await?;
    assert_eq!(totp(&user).await?, json!(true));
    assert_eq!(user.log_in().await?.json(200)?["challenge"], "totp");
    user.delete_with("/api/auth/totp", &password(&user)).await?.expect(204)?;
    assert_eq!(totp(&user).await?, json!(false));
    assert!(user.log_in().await?.json(200)?["access_token"].is_string());
    user.delete_with("/api/auth/totp", &password(&user)).await?.expect(204)?;
    Ok(())
}

#[tokio::test]
async fn a_stolen_token_is_not_enough_to_set_up_or_to_remove_a_second_factor() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let wrong = json!({"password": "Wrong-Horse-9"});
    user.post("/api/auth/totp", &wrong).await?.problem(403, "wrong-password")?;
    user.set_up_totp().await?;
    user.delete_with("/api/auth/totp", &wrong).await?.problem(403, "wrong-password")?;
    user.delete_with("/api/auth/totp", &json!({})).await?.problem(400, "invalid-field")?;
    user.post("/api/auth/totp", &password(&user)).await?.problem(409, "totp-enabled")?;
    assert_eq!(totp(&user).await?, json!(true));
    Ok(())
}

#[tokio::test]
async fn a_wrong_code_ends_no_setup() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let confirm = "/api/auth/totp/confirm";
    let with = |code: String| json!({"code": code, "password": user.password});
    user.post(confirm, &with("123456".to_owned())).await?.problem(400, "code-mismatch")?;
    let secret = user.post("/api/auth/totp", &password(&user)).await?.json(200)?;
    let app = Authenticator::from_uri(secret["otpauth_uri"].as_str().context("no URI")?)?;
    user.post(confirm, &with(app.wrong_code()?)).await?.problem(400, "code-mismatch")?;
    let wrong = json!({"code": app.code(0)?, "password": "Wrong-Horse-9"});
    user.post(confirm, &wrong).await?.problem(403, "wrong-password")?;
    assert_eq!(totp(&user).await?, json!(false));
    ensure!(user.refreshes(&user.tokens).await?, "a refused request ended the session");
    user.post(confirm, &with(app.code(0)?)).await?.expect(200)?;
    assert_eq!(user.log_in().await?.json(200)?["challenge"], "totp");
    Ok(())
}

#[tokio::test]
async fn without_the_password_the_sessions_stay() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let secret = user.post("/api/auth/totp", &password(&user)).await?.json(200)?;
    let app = Authenticator::from_uri(secret["otpauth_uri"].as_str().context("no URI")?)?;
    user.post("/api/auth/totp/confirm", &json!({"code": app.code(0)?})).await?.expect(204)?;
    assert_eq!(totp(&user).await?, json!(true));
    ensure!(user.refreshes(&user.tokens).await?, "the session has ended");
    Ok(())
}

#[tokio::test]
async fn a_session_that_began_without_a_code_ends() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let other = user.log_in().await?.json(200)?;
    let other = User { tokens: serde_json::from_value(other)?, ..user.clone() };
    let before = user.clone();
    user.set_up_totp().await?;
    for ended in [&other, &before] {
        ensure!(!ended.refreshes(&ended.tokens).await?, "a refresh token still works");
        ended.get("/api/auth/profile").await?.problem(401, "unauthorized")?;
    }
    assert_eq!(totp(&user).await?, json!(true));
    ensure!(user.refreshes(&user.tokens).await?, "the caller's new session does not work");
    Ok(())
}

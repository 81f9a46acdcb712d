//! `POST /api/auth/challenge`

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Answer, Authenticator, Stack, User};

/// Begins a login, and returns the challenge.
async fn challenge(user: &User) -> Result<Value> {
    user.log_in().await?.json(200)
}

async fn respond(user: &User, challenge: &Value, member: &str, value: &str) -> Result<Answer> {
    let response = json!({"username": challenge["username"], "session": challenge["session"], member: value});
    user.stack.post("/api/auth/challenge", &response).await
}

#[tokio::test]
async fn a_code_ends_the_login_and_works_once() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let first = challenge(&user).await?;
    assert_eq!((&first["challenge"], &first["username"]), (&json!("totp"), &json!(user.username)));
    let code = app.code(0)?;
    // After a wrong code, the session is still valid.
    respond(&user, &first, "code", &app.wrong_code()?).await?.problem(400, "code-mismatch")?;
    user.tokens = serde_json::from_value(respond(&user, &first, "code", &code).await?.json(200)?)?;
    user.get("/api/auth/profile").await?.expect(200)?;

    let second = challenge(&user).await?;
    respond(&user, &second, "code", &code).await?.problem(400, "code-expired")?;
    // A session works once too.
    respond(&user, &first, "code", &app.code(1)?).await?.problem(401, "challenge-expired").map(drop)
}

#[tokio::test]
async fn a_login_with_an_address_ends_with_the_user_name_of_the_challenge() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let login = json!({"email": user.email, "password": user.password, "refresh_token_in": "cookie"});
    let challenge = stack.post("/api/auth/login", &login).await?.json(200)?;
    assert_eq!(challenge["username"], user.username);
    let response = json!({
        "username": challenge["username"],
        "session": challenge["session"],
        "code": app.code(0)?,
        "refresh_token_in": "cookie",
    });
    let answer = stack.post("/api/auth/challenge", &response).await?.expect(200)?;
    ensure!(answer.header("set-cookie").starts_with("refresh_token="), "no cookie");
    Ok(())
}

#[tokio::test]
async fn a_session_belongs_to_one_user_and_one_challenge() -> Result<()> {
    let stack = Stack::connect()?;
    let (mut user, mut other) = tokio::try_join!(stack.user(), stack.user())?;
    let (app, other_app) = tokio::try_join!(user.set_up_totp(), other.set_up_totp())?;
    let mut mixed = challenge(&user).await?;
    mixed["username"] = json!(other.username);
    respond(&user, &mixed, "code", &other_app.code(0)?).await?.problem(401, "challenge-expired")?;
    let made_up = json!({"username": user.username, "session": "a-session-that-nobody-was-given"});
    respond(&user, &made_up, "code", &app.code(0)?).await?.problem(401, "challenge-expired")?;
    let challenge = challenge(&user).await?;
    let password = tests::unique("New-Pass");
    respond(&user, &challenge, "new_password", &password).await?.problem(401, "challenge-expired")?;
    let both = json!({
        "username": user.username, "session": challenge["session"], "code": "123456", "new_password": password,
    });
    stack.post("/api/auth/challenge", &both).await?.problem(400, "invalid-field")?;
    Ok(())
}

#[tokio::test]
async fn wrong_codes_lock_the_user_out_like_wrong_passwords() -> Result<()> {
    const MOST: usize = 15;
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    // Another login does not help: the attempts of all logins count.
    let logins = [challenge(&user).await?, challenge(&user).await?];
    for attempt in 0..MOST {
        let answer = respond(&user, &logins[attempt % 2], "code", &app.wrong_code()?).await?;
        if answer.status == 429 {
            ensure!(attempt >= 5, "only {attempt} attempts were allowed");
            ensure!(answer.header("retry-after").parse::<u32>()? > 0, "no time");
            return answer.problem(429, "too-many-attempts").map(drop);
        }
        answer.problem(400, "code-mismatch")?;
    }
    anyhow::bail!("{MOST} wrong codes were checked")
}

#[tokio::test]
async fn a_temporary_password_is_replaced_at_the_first_login() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let temporary = json!({
        "UserPoolId": stack.outputs.user_pool_id,
        "Username": user.username,
        "Password": user.password,
        "Permanent": false,
    });
    stack.cognito("AdminSetUserPassword", &temporary).await?;
    let challenge = challenge(&user).await?;
    assert_eq!(challenge["challenge"], "new_password");
    let weak = respond(&user, &challenge, "new_password", "short").await?.problem(400, "weak-password")?;
    assert_eq!(weak["field"], "new_password");
    user.password = tests::unique("New-Pass");
    let tokens = respond(&user, &challenge, "new_password", &user.password).await?.json(200)?;
    user.tokens = serde_json::from_value(tokens)?;
    user.get("/api/auth/profile").await?.expect(200)?;
    user.log_in().await?.json(200)?["access_token"].as_str().context("no token")?;
    Ok(())
}

#[tokio::test]
async fn a_temporary_password_does_not_replace_the_second_factor() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let temporary = json!({
        "UserPoolId": stack.outputs.user_pool_id, "Username": user.username, "Password": user.password,
    });
    stack.cognito("AdminSetUserPassword", &temporary).await?;
    let first = challenge(&user).await?;
    let next = respond(&user, &first, "new_password", &tests::unique("New-Pass")).await?.json(200)?;
    assert_eq!(next["challenge"], "totp");
    Authenticator::settle().await?;
    respond(&user, &next, "code", &app.code(0)?).await?.expect(200)?;
    Ok(())
}

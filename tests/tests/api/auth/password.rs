//! `POST /api/auth/password`, `POST /api/auth/password/forgot` and `POST /api/auth/password/reset`

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, Tokens, User, send, unique};

use super::login::{as_a_page, cookie};

async fn forgot(stack: &Stack, username: &str) -> Result<String> {
    let answer = stack.post("/api/auth/password/forgot", &json!({"username": username})).await?;
    Ok(answer.expect(202)?.text())
}

async fn code(user: &User) -> Result<String> {
    forgot(&user.stack, &user.username).await?;
    Ok(user.stack.mailed_codes(&json!(user.email), 1).await?.remove(0))
}

fn reset(user: &User, code: &str, password: &str) -> Value {
    json!({"username": user.username, "code": code, "new_password": password})
}

async fn login_status(user: &User, password: &str) -> Result<u16> {
    let login = json!({"username": user.username, "password": password});
    Ok(user.stack.post("/api/auth/login", &login).await?.status.as_u16())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn the_code_from_the_mail_sets_a_new_password() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (code, password) = (code(&user).await?, unique("New-Pass"));
    let body = reset(&user, &code, &password);
    stack.post("/api/auth/password/reset", &body).await?.expect(204)?;
    assert_eq!(login_status(&user, &password).await?, 200);
    assert_eq!(login_status(&user, &user.password).await?, 401);
    // A code works once.
    let again = stack.post("/api/auth/password/reset", &body).await?.json(400)?;
    assert!(["code-mismatch", "code-expired"].contains(&again["code"].as_str().unwrap()), "{again}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn a_wrong_code_changes_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let code = code(&user).await?;
    let other = if code == "123456" { "654321" } else { "123456" };
    let body = reset(&user, other, &unique("New-Pass"));
    stack.post("/api/auth/password/reset", &body).await?.problem(400, "code-mismatch")?;
    assert_eq!(login_status(&user, &user.password).await?, 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the emulator's mailbox"]
async fn a_weak_password_is_told_what_it_lacks() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let code = code(&user).await?;
    let answer = stack.post("/api/auth/password/reset", &reset(&user, &code, "short")).await?;
    let problem = answer.problem(400, "weak-password")?;
    assert_eq!(problem["field"], "new_password");
    assert_eq!(problem["missing"], json!(["8-characters", "upper-case-letter", "digit"]));
    Ok(())
}

#[tokio::test]
async fn asking_tells_nobody_who_exists() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let known = forgot(&stack, &user.username).await?;
    assert_eq!(forgot(&stack, &unique("nobody")).await?, known);
    let nobody = json!({"username": unique("nobody"), "code": "123456", "new_password": "Passw0rd1"});
    let answer = stack.post("/api/auth/password/reset", &nobody).await?.json(400)?;
    assert!(["code-mismatch", "code-expired"].contains(&answer["code"].as_str().unwrap()), "{answer}");
    Ok(())
}

fn change(user: &User, password: &str) -> Value {
    json!({"current_password": user.password, "new_password": password})
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let other: Tokens = serde_json::from_value(user.log_in().await?.json(200)?)?;
    let password = unique("New-Pass");
    let tokens = user.post("/api/auth/password", &change(&user, &password)).await?.json(200)?;
    let tokens: Tokens = serde_json::from_value(tokens)?;
    let (first, other) = (user.refreshes(&user.tokens).await?, user.refreshes(&other).await?);
    assert_eq!((first, other, user.refreshes(&tokens).await?), (false, false, true));
    assert_eq!(
        (login_status(&user, &user.password).await?, login_status(&user, &password).await?),
        (401, 200)
    );
    let mut user = user;
    user.tokens = tokens;
    user.get("/api/auth/profile").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_page_that_changes_the_password_goes_on_with_a_new_cookie() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let old = cookie(&as_a_page(&user).await?)?;
    let request = user.request(Method::POST, "/api/auth/password").header("cookie", &old);
    let answer = send(request.json(&change(&user, &unique("New-Pass")))).await?.expect(200)?;
    let new = cookie(&answer)?;
    assert_eq!(answer.json(200)?.get("refresh_token"), None);
    for (cookie, status) in [(&old, 401), (&new, 200)] {
        let request = stack.request(Method::POST, "/api/auth/token/refresh").header("cookie", cookie);
        send(request.json(&json!({}))).await?.expect(status)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_or_weak_password_changes_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let wrong = json!({"current_password": "Wrong-Horse-9", "new_password": unique("New-Pass")});
    user.post("/api/auth/password", &wrong).await?.problem(403, "wrong-password")?;
    let weak =
        user.post("/api/auth/password", &change(&user, "short")).await?.problem(400, "weak-password")?;
    assert_eq!((&weak["field"], &weak["missing"][0]), (&json!("new_password"), &json!("8-characters")));
    assert_eq!(login_status(&user, &user.password).await?, 200);
    assert!(user.refreshes(&user.tokens).await?);
    Ok(())
}

#[tokio::test]
async fn with_a_second_factor_a_changed_password_needs_a_code_to_go_on() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let password = unique("New-Pass");
    let step = user.post("/api/auth/password", &change(&user, &password)).await?.json(200)?;
    assert_eq!(step["challenge"], "totp");
    let code = json!({"username": step["username"], "session": step["session"], "code": app.code(0)?});
    user.tokens = serde_json::from_value(stack.post("/api/auth/challenge", &code).await?.json(200)?)?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    assert!(profile["totp"].as_bool().context("no totp")?);
    Ok(())
}

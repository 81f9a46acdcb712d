//! `POST /api/auth/password/forgot` and `POST /api/auth/password/reset`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, User, unique};

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

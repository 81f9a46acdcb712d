//! `POST /api/auth/login`

use anyhow::{Context, Result};
use serde_json::json;
use tests::{Answer, Stack, User};

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

/// A login with a cookie, as the page sends it.
pub(super) async fn as_a_page(user: &User) -> Result<Answer> {
    let login = json!({"username": user.username, "password": user.password, "refresh_token_in": "cookie"});
    user.stack.post("/api/auth/login", &login).await?.expect(200)
}

/// The cookie that a response sets, `refresh_token=…`, as a browser sends it back.
pub(super) fn cookie(answer: &Answer) -> Result<String> {
    let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default();
    let token = cookie.strip_prefix("refresh_token=").context("no such cookie")?;
    anyhow::ensure!(!token.is_empty(), "an empty cookie");
    Ok(cookie.to_owned())
}

#[tokio::test]
async fn a_page_gets_its_refresh_token_where_no_script_reads_it() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let answer = as_a_page(&user).await?;
    let cookie = answer.header("set-cookie").to_owned();
    let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
    let expected = ["HttpOnly", "Secure", "SameSite=Strict", "Path=/api/auth", "Max-Age=2592000"];
    assert_eq!(attributes, expected);
    let tokens = answer.json(200)?;
    assert_eq!(tokens.get("refresh_token"), None);
    user.tokens.access_token = tokens["access_token"].as_str().context("no access token")?.to_owned();
    user.get("/api/auth/profile").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn who_asks_for_no_cookie_gets_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut login = json!({"username": user.username, "password": user.password});
    for place in [None, Some("body")] {
        if let Some(place) = place {
            login["refresh_token_in"] = json!(place);
        }
        let answer = stack.post("/api/auth/login", &login).await?;
        assert_eq!(answer.header("set-cookie"), "", "{place:?}");
        assert!(answer.json(200)?["refresh_token"].is_string(), "{place:?}");
    }
    login["refresh_token_in"] = json!("local-storage");
    let problem = stack.post("/api/auth/login", &login).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "refresh_token_in");
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
async fn a_confirmed_address_is_a_name_to_log_in_with() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (field, name) in [
        ("email", user.email.clone()),
        ("email", user.email.to_uppercase()),
        ("username", user.email.clone()),
    ] {
        let login = json!({field: name, "password": user.password});
        let mut same = user.clone();
        same.tokens = serde_json::from_value(stack.post("/api/auth/login", &login).await?.json(200)?)?;
        assert_eq!(same.get("/api/auth/profile").await?.json(200)?["id"], user.id, "{field}: {name}");
    }
    for login in [
        json!({"password": user.password}),
        json!({"username": user.username, "email": user.email, "password": user.password}),
    ] {
        stack.post("/api/auth/login", &login).await?.problem(400, "invalid-field")?;
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_nobody_confirmed_is_answered_like_an_unknown_one() -> Result<()> {
    let stack = Stack::connect()?;
    let account = account();
    stack.post("/api/auth/register", &account).await?.expect(201)?;
    let login = |email: &str| json!({"email": email, "password": account["password"]});
    let email = account["email"].as_str().context("no address")?;
    let unconfirmed =
        stack.post("/api/auth/login", &login(email)).await?.problem(401, "wrong-credentials")?;
    let unknown = stack.post("/api/auth/login", &login(&tests::email_of(&tests::unique("nobody")))).await?;
    assert_eq!(unconfirmed, unknown.problem(401, "wrong-credentials")?);
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

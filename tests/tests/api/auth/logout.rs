//! `POST /api/auth/logout`

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use tests::{Stack, Tokens, User, send};

use super::{
    login::{as_a_page, cookie},
    refresh::with_cookie,
};

const FORGOTTEN: &str = "refresh_token=; HttpOnly; Secure; SameSite=Strict; Path=/api/auth; Max-Age=0";

/// The same user on another device.
async fn another_device(user: &User) -> Result<Tokens> {
    let login = json!({"username": user.username, "password": user.password});
    Ok(serde_json::from_value(user.stack.post("/api/auth/login", &login).await?.json(200)?)?)
}

async fn refresh_status(stack: &Stack, tokens: &Tokens) -> Result<u16> {
    let refresh = json!({"refresh_token": tokens.refresh_token});
    Ok(stack.post("/api/auth/token/refresh", &refresh).await?.status.as_u16())
}

#[tokio::test]
async fn a_logout_ends_its_own_refresh_token_alone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let other = another_device(&user).await?;
    let logout = json!({"refresh_token": user.tokens.refresh_token});
    user.post("/api/auth/logout", &logout).await?.expect(204)?;
    assert_eq!(refresh_status(&stack, &user.tokens).await?, 401);
    assert_eq!(refresh_status(&stack, &other).await?, 200);
    Ok(())
}

#[tokio::test]
async fn everywhere_signs_out_every_device() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let other = another_device(&user).await?;
    user.post("/api/auth/logout", &json!({"everywhere": true})).await?.expect(204)?;
    assert_eq!(refresh_status(&stack, &user.tokens).await?, 401);
    assert_eq!(refresh_status(&stack, &other).await?, 401);
    Ok(())
}

#[tokio::test]
async fn a_logout_by_cookie_removes_the_cookie_and_revokes_its_token() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let other = another_device(&user).await?;
    let cookie = cookie(&as_a_page(&user).await?)?;
    for _again in 0..2 {
        let request = user.request(Method::POST, "/api/auth/logout").header("cookie", &cookie);
        let answer = send(request.json(&json!({}))).await?.expect(204)?;
        assert_eq!(answer.header("set-cookie"), FORGOTTEN);
        with_cookie(&stack, &cookie).await?.problem(401, "bad-refresh-token")?;
    }
    assert_eq!(refresh_status(&stack, &other).await?, 200);
    Ok(())
}

#[tokio::test]
async fn every_logout_has_the_cookie_forgotten() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for body in [json!({"refresh_token": user.tokens.refresh_token}), json!({"everywhere": true})] {
        let answer = user.post("/api/auth/logout", &body).await?.expect(204)?;
        assert_eq!(answer.header("set-cookie"), FORGOTTEN, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_logout_that_names_no_session_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let problem = user.post("/api/auth/logout", &json!({})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "refresh_token");
    Ok(())
}

//! `POST /api/auth/logout`

use anyhow::Result;
use serde_json::json;
use tests::{Stack, Tokens, User};

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

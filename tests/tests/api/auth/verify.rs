//! `POST /api/auth/token/verify`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User};

async fn verified(user: &User, token: &str) -> Result<Value> {
    user.stack.post("/api/auth/token/verify", &json!({"token": token})).await?.json(200)
}

#[tokio::test]
async fn a_token_is_active_until_its_session_ends() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let token = &user.tokens.access_token;
    let active = verified(&user, token).await?;
    assert_eq!((&active["active"], &active["username"]), (&json!(true), &json!(user.username)));
    let expires_at: jiff::Timestamp = active["expires_at"].as_str().context("no time")?.parse()?;
    let seconds = expires_at.as_second() - jiff::Timestamp::now().as_second();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    user.post("/api/auth/logout", &json!({"everywhere": true})).await?.expect(204)?;
    assert_eq!(verified(&user, token).await?, json!({"active": false}));
    Ok(())
}

#[tokio::test]
async fn what_is_no_access_token_is_not_active() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (signed, _) = user.tokens.access_token.rsplit_once('.').context("no signature")?;
    let forged = format!("{signed}.{}", "A".repeat(342));
    for token in
        [&user.tokens.id_token, &user.tokens.refresh_token, &forged, "", "x", "a.b.c", "\u{e4}.\u{e4}.\u{e4}"]
    {
        assert_eq!(verified(&user, token).await?, json!({"active": false}), "{token}");
    }
    Ok(())
}

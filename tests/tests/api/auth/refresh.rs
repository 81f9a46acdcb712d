//! `POST /api/auth/token/refresh`

use anyhow::Result;
use serde_json::json;
use tests::Stack;

#[tokio::test]
async fn a_refresh_gives_a_new_access_token_that_works() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    let answer = stack.post("/api/auth/token/refresh", &refresh).await?.json(200)?;
    user.tokens = serde_json::from_value(answer)?;
    assert_eq!(user.tokens.token_type, "Bearer");
    user.get("/api/auth/profile").await?.expect(200)?;
    // And so does the refresh token that came with it.
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    stack.post("/api/auth/token/refresh", &refresh).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_made_up_refresh_token_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let refresh = json!({"refresh_token": "made-up"});
    stack.post("/api/auth/token/refresh", &refresh).await?.problem(401, "bad-refresh-token")?;
    Ok(())
}

//! `POST /api/auth/token/refresh`

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use tests::{Answer, Stack, send};

use super::login::{as_a_page, cookie};

/// A refresh as a page sends it, with the cookie.
pub(super) async fn with_cookie(stack: &Stack, cookie: &str) -> Result<Answer> {
    let request = stack.request(Method::POST, "/api/auth/token/refresh").header("cookie", cookie);
    send(request.json(&json!({}))).await
}

#[tokio::test]
async fn a_refresh_gives_a_new_access_token_that_works() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    let answer = stack.post("/api/auth/token/refresh", &refresh).await?.json(200)?;
    user.tokens = serde_json::from_value(answer)?;
    assert_eq!(user.tokens.token_type, "Bearer");
    user.get("/api/auth/profile").await?.expect(200)?;
    // The refresh token of that login is valid too.
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

#[tokio::test]
async fn a_page_refreshes_with_its_cookie_alone() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let cookie = cookie(&as_a_page(&user).await?)?;
    let answer = with_cookie(&stack, &format!("theme=dark; {cookie}")).await?;
    // The token and the cookie stay valid.
    assert_eq!(answer.header("set-cookie"), "");
    let tokens = answer.json(200)?;
    assert_eq!(tokens.get("refresh_token"), None);
    user.tokens.access_token = tokens["access_token"].as_str().unwrap_or_default().to_owned();
    user.get("/api/auth/profile").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_token_in_the_body_goes_before_the_cookie() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let request = stack.request(Method::POST, "/api/auth/token/refresh");
    let request = request.header("cookie", "refresh_token=made-up");
    let request = request.json(&json!({"refresh_token": user.tokens.refresh_token}));
    let tokens = send(request).await?.json(200)?;
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
    Ok(())
}

#[tokio::test]
async fn a_refresh_without_a_token_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    for body in [json!({}), json!({"refresh_token": null})] {
        stack.post("/api/auth/token/refresh", &body).await?.problem(401, "no-refresh-token")?;
    }
    with_cookie(&stack, "refresh_token=").await?.problem(401, "no-refresh-token")?;
    with_cookie(&stack, "refresh_token=made-up").await?.problem(401, "bad-refresh-token")?;
    Ok(())
}

#[tokio::test]
async fn another_sites_form_cannot_use_the_cookie() -> Result<()> {
    let stack = Stack::connect()?;
    let cookie = cookie(&as_a_page(&stack.user().await?).await?)?;
    // A browser sends these requests to other origins without a preflight.
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = stack.request(Method::POST, "/api/auth/token/refresh").header("cookie", &cookie);
        let request = request.header("content-type", content_type).body("{}");
        send(request).await?.problem(415, "unsupported-media-type")?;
    }
    // Even a page of an allowed origin must not send the cookie.
    let url = format!("{}/api/auth/token/refresh", stack.outputs.api_url);
    let preflight = stack.request_url(Method::OPTIONS, &url).header("origin", &stack.outputs.allowed_origin);
    let preflight = preflight.header("access-control-request-method", "POST");
    let answer = preflight.header("access-control-request-headers", "content-type").send().await?;
    assert!(answer.headers().get("access-control-allow-origin").is_some());
    assert!(answer.headers().get("access-control-allow-credentials").is_none());
    Ok(())
}

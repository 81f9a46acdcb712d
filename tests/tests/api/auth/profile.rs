//! `GET /api/auth/profile`, and who may come in at all

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use tests::{Answer, Stack, Tier};

#[tokio::test]
async fn a_new_user_is_basic_and_has_used_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    // What the deployment has.
    let features = profile["features"].clone();
    assert!(features["ai"].is_boolean() && features["dropbox"].is_boolean(), "{profile}");
    let expected = json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "groups": [],
        "tier": "basic",
        "usage": {"images": 0, "bytes": 0},
        "features": features,
    });
    assert_eq!(profile, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it has both providers"]
async fn the_profile_tells_which_providers_there_are() -> Result<()> {
    let stack = Stack::connect()?;
    let profile = stack.user().await?.get("/api/auth/profile").await?.json(200)?;
    assert_eq!(profile["features"], json!({"ai": true, "dropbox": true}));
    Ok(())
}

#[tokio::test]
async fn the_profile_tells_the_tier_and_counts_what_is_used() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    user.create("image/png", 1000).await?;
    user.create("image/png", 234).await?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    assert_eq!(profile["tier"], "enterprise");
    assert_eq!(profile["usage"], json!({"images": 2, "bytes": 1234}));
    Ok(())
}

#[tokio::test]
async fn the_demo_user_is_enterprise_and_the_admin_is_in_the_group_admin() -> Result<()> {
    let stack = Stack::connect()?;
    for (login, groups) in [(&stack.outputs.demo, json!([])), (&stack.outputs.admin, json!(["admin"]))] {
        let body = json!({"username": login.username, "password": login.password});
        let tokens = stack.post("/api/auth/login", &body).await?.json(200)?;
        let request = stack.request(Method::GET, "/api/auth/profile");
        let request = request.bearer_auth(tokens["access_token"].as_str().unwrap());
        let profile = Answer::read(request.send().await?).await?.json(200)?;
        assert_eq!((&profile["tier"], &profile["groups"]), (&json!("enterprise"), &groups));
    }
    Ok(())
}

#[tokio::test]
async fn without_a_valid_token_nobody_comes_in() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let access = &user.tokens.access_token;
    let (signed, signature) = access.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", access.split('.').nth(1).unwrap());
    for token in ["", "x", &forged, &unsigned, &user.tokens.refresh_token] {
        for path in ["/api/auth/profile", "/api/images"] {
            let answer = stack.request(Method::GET, path).bearer_auth(token).send().await?;
            assert_eq!(answer.status(), 401, "{path} with {token:?}");
        }
    }
    let answer = stack.request(Method::GET, "/api/images").send().await?;
    assert_eq!(answer.status(), 401);
    Ok(())
}

#[tokio::test]
async fn an_id_token_is_not_an_access_token() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    user.tokens.access_token = user.tokens.id_token.clone();
    for path in ["/api/auth/profile", "/api/images", "/api/images/01JZ0000000000000000000000"] {
        user.get(path).await?.problem(401, "not-an-access-token")?;
    }
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1});
    user.post("/api/images", &body).await?.problem(401, "not-an-access-token")?;
    Ok(())
}

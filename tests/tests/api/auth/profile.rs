//! `GET /api/auth/profile` and `PATCH /api/auth/profile`, and which tokens the API accepts

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, send};

#[tokio::test]
async fn a_new_user_is_basic_and_has_used_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    // They depend on the deployment.
    let (features, contact_url) = (profile["features"].clone(), profile["contact_url"].clone());
    assert!(features["ai"].is_boolean() && features["dropbox"].is_boolean(), "{profile}");
    let expected = json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "email_verified": true,
        "pending_email": null,
        "first_name": null,
        "last_name": null,
        "totp": false,
        "groups": [],
        "tier": "basic",
        "usage": {"images": 0, "bytes": 0, "sets": 0, "links": 0, "pending_uploads": 0, "ai_calls_today": 0},
        "features": features,
        "contact_url": contact_url,
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
#[ignore = "needs the local stack: samconfig.toml sets its ContactUrl"]
async fn the_profile_tells_where_users_ask_for_another_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    assert_eq!(profile["contact_url"], "mailto:tiers@example.com");
    // The response to a change is a profile, too.
    let changed = user.patch("/api/auth/profile", &json!({"first_name": "Ann"})).await?.json(200)?;
    assert_eq!(changed["contact_url"], profile["contact_url"]);
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
    user.create_set().await?;
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    let usage =
        json!({"images": 2, "bytes": 1234, "sets": 1, "links": 0, "pending_uploads": 2, "ai_calls_today": 0});
    assert_eq!(profile["usage"], usage);
    Ok(())
}

#[tokio::test]
async fn names_change_at_once_and_a_null_name_is_removed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = "/api/auth/profile";
    let names = |profile: &Value| (profile["first_name"].clone(), profile["last_name"].clone());
    let changed =
        user.patch(path, &json!({"first_name": "Jos\u{e9} Luis", "last_name": "Lee"})).await?.json(200)?;
    assert_eq!(names(&changed), (json!("Jos\u{e9} Luis"), json!("Lee")));
    assert_eq!(user.get(path).await?.json(200)?, changed);
    // A field that is left out does not change.
    user.patch(path, &json!({"last_name": null})).await?.expect(200)?;
    assert_eq!(names(&user.get(path).await?.json(200)?), (json!("Jos\u{e9} Luis"), Value::Null));
    assert_eq!(user.patch(path, &json!({})).await?.json(200)?, user.get(path).await?.json(200)?);
    for (field, value) in
        [("first_name", json!(" ")), ("last_name", json!("x".repeat(101))), ("email", json!("x"))]
    {
        let problem = user.patch(path, &json!({field: value})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field);
    }
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
        let profile = send(request).await?.json(200)?;
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

async fn cognito(stack: &Stack, operation: &str, body: &Value) -> Result<Value> {
    stack.aws.json("cognito-idp", &format!("AWSCognitoIdentityProviderService.{operation}"), body).await
}

/// The access token that a user of this name and password gets through a new client of a pool.
async fn through_a_new_client(stack: &Stack, pool: &str, username: &str, password: &str) -> Result<String> {
    let client = json!({
        "UserPoolId": pool,
        "ClientName": "another",
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    });
    let client = cognito(stack, "CreateUserPoolClient", &client).await?;
    let login = json!({
        "ClientId": client["UserPoolClient"]["ClientId"],
        "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": username, "PASSWORD": password},
    });
    let tokens = cognito(stack, "InitiateAuth", &login).await?;
    let token = tokens["AuthenticationResult"]["AccessToken"].as_str().context("no access token")?;
    Ok(token.to_owned())
}

async fn assert_refused(user: &mut User, token: String, what: &str) -> Result<()> {
    user.tokens.access_token = token;
    for path in ["/api/auth/profile", "/api/images"] {
        // The gateway refuses the token, so there is no problem code.
        assert_eq!(
            user.request(Method::GET, path).send().await?.status(),
            401,
            "{path} with a token of {what}"
        );
    }
    Ok(())
}

/// The local stack signs the tokens of all pools with one key, so these tokens differ from valid ones only in issuer and
/// client.
#[tokio::test]
async fn a_token_of_another_client_or_another_pool_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let (username, password) = (user.username.clone(), user.password.clone());
    let token = through_a_new_client(&stack, &stack.outputs.user_pool_id, &username, &password).await?;
    assert_refused(&mut user, token, "another client").await?;

    let pool = cognito(&stack, "CreateUserPool", &json!({"PoolName": format!("another-{username}")})).await?;
    let pool = pool["UserPool"]["Id"].as_str().context("no pool")?.to_owned();
    let create = json!({"UserPoolId": pool, "Username": username, "MessageAction": "SUPPRESS"});
    cognito(&stack, "AdminCreateUser", &create).await?;
    let set = json!({"UserPoolId": pool, "Username": username, "Password": password, "Permanent": true});
    cognito(&stack, "AdminSetUserPassword", &set).await?;
    let token = through_a_new_client(&stack, &pool, &username, &password).await;
    cognito(&stack, "DeleteUserPool", &json!({"UserPoolId": pool})).await?;
    assert_refused(&mut user, token?, "another pool").await
}

#[tokio::test]
async fn a_group_that_only_looks_like_admin_is_not_admin() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let pool = &stack.outputs.user_pool_id;
    for prefix in ["x", "[", ""] {
        let group = format!("{prefix},admin,{}", user.username);
        cognito(&stack, "CreateGroup", &json!({"UserPoolId": pool, "GroupName": group})).await?;
        let add = json!({"UserPoolId": pool, "GroupName": group, "Username": user.username});
        cognito(&stack, "AdminAddUserToGroup", &add).await?;
    }
    let login = json!({"username": user.username, "password": user.password});
    let tokens = stack.post("/api/auth/login", &login).await?.json(200)?;
    let mut user = user;
    user.tokens.access_token = tokens["access_token"].as_str().context("no access token")?.to_owned();
    let profile = user.get("/api/auth/profile").await?.json(200)?;
    assert_eq!(profile["groups"].as_array().map(Vec::len), Some(3), "{profile}");
    user.get("/api/admin/images").await?.problem(403, "admins-only")?;
    for prefix in ["x", "[", ""] {
        let group = format!("{prefix},admin,{}", user.username);
        cognito(&stack, "DeleteGroup", &json!({"UserPoolId": pool, "GroupName": group})).await?;
    }
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

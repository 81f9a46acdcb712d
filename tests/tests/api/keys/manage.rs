//! `POST` and `GET /api/keys`, and `DELETE /api/keys/{id}`

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Stack, User, id_of, send, until};

const PATH: &str = "/api/keys";

async fn create(user: &User, scopes: &[&str]) -> Result<Value> {
    let body = json!({"name": "The shop", "scopes": scopes, "password": user.password});
    user.post(PATH, &body).await?.json(201)
}

/// Sends a request with a key.
async fn with(stack: &Stack, key: &str, method: Method, path: &str) -> Result<Answer> {
    let body = if method == Method::GET { None } else { Some(json!({})) };
    let request = stack.request(method, path).bearer_auth(key);
    send(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn text(key: &Value) -> Result<&str> {
    key["key"].as_str().context("no key")
}

#[tokio::test]
async fn a_key_acts_for_its_owner_within_its_scopes() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.create("image/png", 10).await?;
    let key = create(&user, &["images:read"]).await?;
    let images = with(&stack, text(&key)?, Method::GET, "/api/images").await?.json(200)?;
    assert_eq!(images["images"][0]["id"], image.id());
    for (method, path, scope) in [
        (Method::POST, "/api/images", "images:write"),
        (Method::GET, "/api/webhooks", "webhooks:read"),
        (Method::GET, "/api/phones/+4930901820/images", "phones:read"),
        (Method::GET, "/api/upload-links", "upload-links:read"),
    ] {
        let refused = with(&stack, text(&key)?, method, path).await?.problem(403, "scope-missing")?;
        assert_eq!(refused["scope"], scope, "{path}");
    }
    // The use is noted.
    let listed = user.get(PATH).await?.json(200)?;
    assert!(listed["keys"][0]["last_used_at"].is_string(), "{listed}");
    Ok(())
}

#[tokio::test]
async fn an_access_token_without_the_password_creates_no_key() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut body = json!({"name": "The shop", "scopes": ["images:read"]});
    let missing = user.post(PATH, &body).await?.problem(400, "invalid-field")?;
    assert_eq!(missing["field"], "password");
    body["password"] = json!("Wrong-Horse-9");
    user.post(PATH, &body).await?.problem(403, "wrong-password")?;
    assert_eq!(user.get(PATH).await?.json(200)?["keys"], json!([]));
    Ok(())
}

#[tokio::test]
async fn who_has_a_second_factor_needs_its_code() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let mut body = json!({"name": "The shop", "scopes": ["images:read"], "password": user.password});
    let missing = user.post(PATH, &body).await?.problem(400, "invalid-field")?;
    assert_eq!(missing["field"], "code");
    body["code"] = json!(app.wrong_code()?);
    user.post(PATH, &body).await?.problem(400, "code-mismatch")?;
    assert_eq!(user.get(PATH).await?.json(200)?["keys"], json!([]));
    body["code"] = json!(app.code(0)?);
    user.post(PATH, &body).await?.expect(201).map(drop)
}

#[tokio::test]
async fn a_key_reaches_neither_accounts_nor_keys_nor_the_administration() -> Result<()> {
    let stack = Stack::connect()?;
    // Even that of an admin.
    let admin = stack.admin().await?;
    let all = [
        "images:read",
        "images:write",
        "phones:read",
        "phones:write",
        "upload-links:read",
        "upload-links:write",
        "webhooks:read",
        "webhooks:write",
    ];
    let key = create(&admin, &all).await?;
    for (method, path) in [
        (Method::GET, "/api/auth/profile"),
        (Method::POST, "/api/auth/password"),
        (Method::DELETE, "/api/auth/account"),
        (Method::GET, "/api/keys"),
        (Method::POST, "/api/keys"),
        (Method::GET, "/api/admin/users"),
        (Method::GET, "/api/admin/images"),
        (Method::GET, "/api/admin/queues/downloads/dead-letters"),
        (Method::POST, "/api/admin/queues/downloads/redrive"),
    ] {
        let answer = with(&stack, text(&key)?, method.clone(), path).await?;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
    }
    with(&stack, text(&key)?, Method::GET, "/api/imagesets").await?.expect(200)?;
    admin.delete(&format!("{PATH}/{}", id_of(&key)?)).await?.expect(204).map(drop)
}

#[tokio::test]
async fn a_revoked_key_ends_within_the_time_of_the_cache() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let key = create(&user, &["images:read"]).await?;
    with(&stack, text(&key)?, Method::GET, "/api/images").await?.expect(200)?;
    let path = format!("{PATH}/{}", id_of(&key)?);
    user.delete(&path).await?.expect(204)?;
    user.delete(&path).await?.problem(404, "not-found")?;
    let start = std::time::Instant::now();
    // `until` waits for a minute, and the cache lasts for as long.
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    until("the key to end", async || {
        let answer = with(&stack, text(&key)?, Method::GET, "/api/images").await?;
        Ok((answer.status == 401).then_some(()))
    })
    .await?;
    ensure!(start.elapsed().as_secs() <= 65, "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test]
async fn what_is_no_key_and_no_token_is_unauthorized() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let key = create(&user, &["images:read"]).await?;
    let changed = {
        let mut key = text(&key)?.to_owned();
        let last = if key.ends_with('0') { "1" } else { "0" };
        key.replace_range(key.len() - 1.., last);
        key
    };
    for credential in [changed.as_str(), "dk_x", "x", "a.b.c"] {
        with(&stack, credential, Method::GET, "/api/images").await?.problem(401, "unauthorized")?;
    }
    // Without a credential, the gateway itself refuses the request.
    assert_eq!(send(stack.request(Method::GET, "/api/images")).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn an_expired_key_is_refused_and_not_listed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let key = create(&user, &["images:read"]).await?;
    let sk = format!("APIKEY#{}", id_of(&key)?);
    let pk = format!("USER#{}", user.id);
    stack
        .aws
        .update_item(&stack.outputs.table, (&pk, &sk), "SET expires_at = :past", &json!({":past": 1}))
        .await?;
    with(&stack, text(&key)?, Method::GET, "/api/images").await?.problem(401, "unauthorized")?;
    assert_eq!(user.get(PATH).await?.json(200)?["keys"], json!([]));
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_disabled_user_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let key = create(&user, &["images:read"]).await?;
    admin.patch(&format!("/api/admin/users/{}", user.id), &json!({"enabled": false})).await?.expect(200)?;
    with(&stack, text(&key)?, Method::GET, "/api/images").await?.problem(401, "unauthorized")?;
    Ok(())
}

#[tokio::test]
async fn a_key_is_neither_in_a_list_nor_in_the_table() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let key = create(&user, &["images:read"]).await?;
    let secret = text(&key)?.rsplit_once('_').context("no secret")?.1;
    let listed = user.get(PATH).await?.json(200)?;
    assert_eq!(listed["keys"][0]["id"], key["id"]);
    assert!(!listed.to_string().contains(secret), "{listed}");
    let items = stack.aws.partition(&stack.outputs.table, &format!("USER#{}", user.id)).await?;
    assert!(!json!(items).to_string().contains(secret));
    // Somebody else's key is not found.
    other.delete(&format!("{PATH}/{}", id_of(&key)?)).await?.problem(404, "not-found")?;
    assert_eq!(other.get(PATH).await?.json(200)?["keys"], json!([]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: it reads the logs of all functions"]
async fn neither_a_key_nor_the_password_is_in_a_log() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let key = create(&user, &["images:read"]).await?;
    let secret = text(&key)?.rsplit_once('_').context("no secret")?.1;
    with(&stack, text(&key)?, Method::GET, "/api/images").await?.expect(200)?;
    with(&stack, text(&key)?, Method::POST, "/api/images").await?.problem(403, "scope-missing")?;
    for group in ["AuthLogs", "ImagesLogs"] {
        for text in [secret, user.password.as_str()] {
            let lines = stack.aws.log_lines(&stack.resource(group).await?, text).await?;
            assert!(lines.is_empty(), "{lines:?}");
        }
    }
    Ok(())
}

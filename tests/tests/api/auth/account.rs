//! `DELETE /api/auth/account`

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Plan, Stack, Tier, User, events, id_of, pictures, send};

const NUMBER: &str = "+4915123456789";

async fn delete(user: &User, body: &Value) -> Result<Answer> {
    send(user.request(Method::DELETE, "/api/auth/account").json(body)).await
}

fn new_image() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 10})
}

fn upload_link() -> Value {
    json!({"max_images": 5, "expires_in": 300})
}

/// The profile of a deleted account has no content, and expires within two hours.
async fn is_tombstone(user: &User) -> Result<()> {
    let tombstone = user.item("PROFILE").await?.context("no tombstone")?;
    let names: BTreeSet<&str> =
        tombstone.as_object().context("no item")?.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["pk", "sk", "deleted", "deleting_since", "expires_at"]));
    let left = tombstone["expires_at"].as_i64().context("no time")? - jiff::Timestamp::now().as_second();
    ensure!((1..=7200).contains(&left), "{tombstone}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn nothing_is_left_of_a_deleted_account() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = (stack.admin().await?, stack.user().await?);
    let path = format!("/api/admin/users/{}/tier", user.id);
    admin.put(&path, &json!({"tier": "enterprise"})).await?.expect(200)?;
    // An item of every kind.
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    user.post(&format!("/api/images/{id}/links"), &json!({"expires_in": 300})).await?.expect(201)?;
    user.post("/api/upload-links", &upload_link()).await?.expect(201)?;
    user.replace(id, "image/png", 10).await?;
    user.post_once("/api/images", "once", &new_image()).await?.expect(201)?;
    user.fill(&user.create_set().await?, "image1", "image/png", 10).await?.expect(201)?;
    let plan = Plan::new()?;
    let (name, picture) = (plan.file_name(".png"), pictures::png(64, 64)?);
    user.mirrored(&user.upload_for_phone(NUMBER, &name, "image/png", picture).await?).await?;
    // A deleted image leaves a marker.
    let deleted = user.create("image/png", 10).await?;
    user.delete(&format!("/api/images/{}?permanent=true", deleted.id())).await?.expect(204)?;
    assert_eq!(plan.files().await?.len(), 1);

    let answer = delete(&user, &json!({"password": user.password})).await?;
    assert_eq!(answer.json(202)?, json!({}));
    user.only_the_tombstone_remains().await?;
    is_tombstone(&user).await?;
    assert_eq!(plan.files().await?.len(), 0);

    // The access token works for an hour, but it makes nothing come back.
    for (path, body) in [
        ("/api/images".to_owned(), new_image()),
        ("/api/imagesets".to_owned(), json!({})),
        (format!("/api/phones/{NUMBER}/images"), json!({"files": [new_image()]})),
    ] {
        user.post(&path, &body).await?.problem(401, "unauthorized").with_context(|| path.clone())?;
    }
    let listed = user.get("/api/images").await?.json(200)?;
    assert_eq!(listed["images"], json!([]));
    user.only_the_tombstone_remains().await
}

#[tokio::test]
async fn nobody_logs_in_to_a_deleted_account() -> Result<()> {
    let stack = Stack::connect()?;
    // A user who has created nothing has no profile.
    let user = stack.user().await?;
    let body = json!({"password": user.password});
    let answer = delete(&user, &body).await?.expect(202)?;
    assert!(answer.header("set-cookie").starts_with("refresh_token=; "), "{answer:?}");
    // Before the worker begins, too.
    let refresh = json!({"refresh_token": user.tokens.refresh_token});
    stack.post("/api/auth/token/refresh", &refresh).await?.problem(401, "bad-refresh-token")?;
    user.only_the_tombstone_remains().await?;
    is_tombstone(&user).await?;
    let login = json!({"username": user.username, "password": user.password});
    stack.post("/api/auth/login", &login).await?.problem(401, "wrong-credentials")?;
    delete(&user, &body).await?.problem(403, "wrong-password")?;
    // `workers-tiers` receives the tombstone like a new profile.
    let event = events::profile_comes(&user).await?;
    let answer = stack.invoke("WorkersTiers", &event).await?.ok()?;
    assert_eq!(answer["batchItemFailures"], json!([]));
    user.only_the_tombstone_remains().await
}

#[tokio::test]
async fn who_has_a_second_factor_needs_its_code() -> Result<()> {
    let stack = Stack::connect()?;
    let mut user = stack.user().await?;
    let app = user.set_up_totp().await?;
    let with = |code: String| json!({"password": user.password, "code": code});
    let missing = delete(&user, &json!({"password": user.password})).await?.problem(400, "invalid-field")?;
    assert_eq!(missing["field"], "code");
    delete(&user, &with(app.wrong_code()?)).await?.problem(400, "code-mismatch")?;
    assert_eq!(user.item("PROFILE").await?, None);
    delete(&user, &with(app.code(0)?)).await?.expect(202)?;
    user.only_the_tombstone_remains().await
}

#[tokio::test]
async fn an_access_token_without_the_password_deletes_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.create("image/png", 10).await?;
    delete(&user, &json!({"password": "Wrong-Passw0rd"})).await?.problem(403, "wrong-password")?;
    let missing = delete(&user, &json!({})).await?.problem(400, "invalid-field")?;
    assert_eq!(missing["field"], "password");
    assert_eq!(user.item("PROFILE").await?.context("no profile")?.get("deleting_since"), None);
    assert_eq!(user.usage().await?, (1, 10));
    Ok(())
}

#[tokio::test]
async fn from_the_request_on_nothing_can_be_created() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let (id, set) = (id_of(&image)?, user.create_set().await?);
    let before = user.usage().await?;
    let link = user.post("/api/upload-links", &upload_link()).await?.json(201)?;
    // So that the profile has a count of links, which the transaction needs.
    user.post(&format!("/api/images/{id}/links"), &json!({"expires_in": 300})).await?.expect(201)?;
    // As the request writes it, but without the job that deletes the account.
    let now = jiff::Timestamp::now().to_string();
    user.change_profile("SET deleting_since = :now", json!({":now": now})).await?;
    let guests = format!("/api/upload-links/{}/images", id_of(&link)?);
    let files = json!({"files": [new_image()]});
    stack.post(&guests, &files).await?.problem(404, "upload-link-not-found")?;
    let slot = json!({"image_type": "image1", "file_name": "a", "content_type": "image/png", "size": 10});
    for (path, body) in [
        ("/api/images".to_owned(), new_image()),
        ("/api/imagesets".to_owned(), json!({})),
        ("/api/upload-links".to_owned(), upload_link()),
        (format!("/api/imagesets/{set}/images"), slot),
        (format!("/api/phones/{NUMBER}/images"), json!({"files": [new_image()]})),
        (format!("/api/phones/{NUMBER}/images"), json!({"files": [new_image(), new_image()]})),
        (format!("/api/images/{id}/links"), json!({"expires_in": 300})),
        (format!("/api/images/{id}/analysis"), json!({"prompt": "What?"})),
        (format!("/api/images/{id}/edits"), json!({"prompt": "A hat"})),
    ] {
        user.post(&path, &body).await?.problem(401, "unauthorized").with_context(|| path.clone())?;
    }
    let replace = json!({"replace": {"content_type": "image/png", "size": 10}});
    user.patch(&format!("/api/images/{id}"), &replace).await?.problem(404, "not-found")?;
    assert_eq!(user.usage().await?, before);
    assert!(!user.has_jobs().await?);
    Ok(())
}

#[tokio::test]
async fn an_admin_is_referred_to_the_administration() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let body = json!({"password": admin.password});
    delete(&admin, &body).await?.problem(409, "admin-account")?;
    admin.get("/api/auth/profile").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn who_has_just_become_an_admin_is_referred_to_the_administration_too() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let group = json!({
        "UserPoolId": stack.outputs.user_pool_id, "Username": user.username, "GroupName": "admin",
    });
    // The user's token does not name the group.
    stack.cognito("AdminAddUserToGroup", &group).await?;
    let body = json!({"password": user.password});
    let answer = delete(&user, &body).await;
    stack.cognito("AdminRemoveUserFromGroup", &group).await?;
    answer?.problem(409, "admin-account")?;
    delete(&user, &body).await?.expect(202)?;
    user.only_the_tombstone_remains().await
}

//! `GET /api/admin/users` and `PUT /api/admin/users/{id}/tier`

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures};

/// Every user, from all pages.
async fn everybody(admin: &User, limit: usize) -> Result<Vec<Value>> {
    let (mut users, mut cursor) = (Vec::new(), String::new());
    for _page in 0..200 {
        let page = admin.get(&format!("/api/admin/users?limit={limit}{cursor}")).await?.json(200)?;
        let some = page["users"].as_array().context("no list")?;
        ensure!(some.len() <= limit, "{} users", some.len());
        users.extend(some.clone());
        let Some(next) = page["next_cursor"].as_str() else { return Ok(users) };
        cursor = format!("&cursor={next}");
    }
    anyhow::bail!("the pages do not end")
}

#[tokio::test]
async fn an_admin_sees_everybody_with_tier_and_usage() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, new, old) = tokio::try_join!(stack.admin(), stack.user(), stack.user_in(Tier::ENTERPRISE))?;
    old.create("image/png", 1234).await?;
    let users = everybody(&admin, 60).await?;
    for (user, tier, usage) in [
        (&new, "basic", json!({"images": 0, "bytes": 0})),
        (&old, "enterprise", json!({"images": 1, "bytes": 1234})),
    ] {
        let seen = users.iter().find(|seen| seen["id"] == user.id).context("a user is missing")?;
        assert_eq!((&seen["username"], &seen["email"]), (&json!(user.username), &json!(user.email)));
        assert_eq!((&seen["tier"], &seen["usage"]), (&json!(tier), &usage));
        assert_eq!((&seen["enabled"], &seen["status"]), (&json!(true), &json!("CONFIRMED")));
    }
    Ok(())
}

#[tokio::test]
async fn a_page_of_users_leads_to_the_next_and_a_forged_cursor_nowhere() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let page = admin.get("/api/admin/users?limit=1").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    let next = admin.get(&format!("/api/admin/users?limit=1&cursor={cursor}")).await?.json(200)?;
    assert_ne!(next["users"][0]["id"], page["users"][0]["id"]);
    admin.get("/api/admin/users?cursor=made-up").await?.problem(400, "bad-cursor")?;
    let problem = admin.get("/api/admin/users?limit=61").await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "limit");
    Ok(())
}

#[tokio::test]
async fn who_is_moved_up_has_the_tiers_rules_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 40_000_000});
    user.post("/api/images", &body).await?.problem(413, "file-too-large")?;
    let path = format!("/api/admin/users/{}/tier", user.id);
    let answer = admin.put(&path, &json!({"tier": "enterprise"})).await?.json(200)?;
    assert_eq!(answer, json!({"id": user.id, "tier": "enterprise"}));
    assert_eq!(user.get("/api/auth/profile").await?.json(200)?["tier"], "enterprise");
    user.post("/api/images", &body).await?.expect(201)?;
    assert_eq!(user.usage().await?, (1, 40_000_000));
    Ok(())
}

#[tokio::test]
async fn who_is_moved_down_keeps_what_is_there() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::ENTERPRISE))?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let id = id_of(&image)?;
    for _ in 0..2 {
        user.create("image/png", 10).await?;
    }
    let tier = tests::unique("tiny");
    let rules = json!({
        "name": "Tiny", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 100, "max_images": 1, "ai": false,
    });
    admin.put(&format!("/api/admin/account-tiers/{tier}"), &rules).await?.expect(200)?;
    admin.put(&format!("/api/admin/users/{}/tier", user.id), &json!({"tier": tier})).await?.expect(200)?;

    let (images, bytes) = user.usage().await?;
    assert_eq!((images, bytes), (3, image["size"].as_u64().unwrap() + 20));
    let seen = user.image(id).await?;
    assert_eq!((&seen["status"], &seen["original_url"]), (&json!("ready"), &Value::Null));
    let sizes: Vec<_> = seen["thumbnails"].as_array().unwrap().iter().map(|t| &t["size"]).collect();
    assert_eq!(sizes, [200]);
    user.get(&format!("/api/images/{id}/thumbnail?size=400")).await?.problem(403, "size-not-in-tier")?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    user.post("/api/images", &body).await?.problem(409, "quota-exceeded")?;
    // Below the quota, the user can create images again.
    for image in user.get("/api/images").await?.json(200)?["images"].as_array().unwrap() {
        user.delete(&format!("/api/images/{}", id_of(image)?)).await?.expect(204)?;
    }
    user.usage_becomes(0, 0).await?;
    user.post("/api/images", &body).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn users_and_tiers_that_do_not_exist_are_told_apart() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    for id in ["00000000-0000-4000-8000-000000000000", "x", "a%22%20or%20%22b"] {
        let path = format!("/api/admin/users/{id}/tier");
        admin.put(&path, &json!({"tier": "premium"})).await?.problem(404, "not-found")?;
    }
    let path = format!("/api/admin/users/{}/tier", user.id);
    for tier in [json!("none"), json!("NONE"), json!(7)] {
        let problem = admin.put(&path, &json!({"tier": tier})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], "tier");
    }
    Ok(())
}

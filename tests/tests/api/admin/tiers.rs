//! `PUT` and `DELETE /api/admin/account-tiers/{id}`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Answer, Stack, User, id_of, pictures, unique, until};

/// An unused id for a tier.
fn new_id() -> String {
    unique("t")
}

/// The rules of the tier basic.
fn rules() -> Value {
    json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": 5, "ai": false,
    })
}

async fn put(admin: &User, id: &str, rules: &Value) -> Result<Answer> {
    admin.put(&format!("/api/admin/account-tiers/{id}"), rules).await
}

async fn move_to(admin: &User, user: &User, tier: &str) -> Result<()> {
    let path = format!("/api/admin/users/{}/tier", user.id);
    admin.put(&path, &json!({"tier": tier})).await?.expect(200).map(drop)
}

#[tokio::test]
async fn a_tier_is_made_changed_and_removed() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let id = new_id();
    let path = format!("/api/account-tiers/{id}");
    let mut rules = rules();
    rules["thumbnail_sizes"] = json!([4096, 16]);
    let made = put(&admin, &id, &rules).await?.json(200)?;
    assert_eq!((&made["id"], &made["thumbnail_sizes"]), (&json!(id), &json!([16, 4096])));
    assert_eq!(admin.get(&path).await?.json(200)?, made);

    // Without the limits that earlier versions did not have, a new tier has those of basic, and others keep theirs.
    assert_eq!((&made["max_sets"], &made["max_ai_calls_per_day"]), (&json!(100), &json!(10)));
    assert_eq!(made["renditions"], false);
    assert_eq!(made["trash_days"], 30);
    (rules["max_sets"], rules["renditions"], rules["trash_days"]) = (json!(7), json!(true), json!(0));
    put(&admin, &id, &rules).await?.expect(200)?;
    for rule in ["max_sets", "renditions", "trash_days"] {
        rules.as_object_mut().context("no rules")?.remove(rule);
    }

    rules["name"] = json!("Änderung");
    let changed = put(&admin, &id, &rules).await?.json(200)?;
    assert_eq!((&changed["name"], &changed["max_sets"]), (&json!("Änderung"), &json!(7)));
    assert_eq!((&changed["renditions"], &changed["trash_days"]), (&json!(true), &json!(0)));
    assert_eq!(admin.get(&path).await?.json(200)?, changed);

    let admin_path = format!("/api/admin/account-tiers/{id}");
    admin.delete(&admin_path).await?.expect(204)?;
    admin.get(&path).await?.problem(404, "not-found")?;
    admin.delete(&admin_path).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn rules_out_of_bounds_are_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let id = new_id();
    for (field, value) in [
        ("thumbnail_sizes", json!([])),
        ("thumbnail_sizes", json!([15])),
        ("thumbnail_sizes", json!([4097])),
        ("thumbnail_sizes", json!([200, 200])),
        ("thumbnail_sizes", json!([100, 200, 300, 400, 500, 600, 700, 800, 900])),
        ("max_image_bytes", json!(0)),
        ("max_images", json!(-1)),
        ("max_images", json!(1_000_000_001)),
        ("max_sets", json!(-1)),
        ("max_links", json!(1_000_000_001)),
        ("max_pending_uploads", json!("5")),
        ("max_ai_calls_per_day", json!(1.5)),
        ("trash_days", json!(366)),
        ("name", json!("")),
        ("ai", json!("yes")),
        ("price", json!(1)),
    ] {
        let mut body = rules();
        body[field] = value;
        let problem = put(&admin, &id, &body).await?.problem(400, "invalid-field")?;
        let named = problem["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field), "{field}: {problem}");
    }
    for id in ["BIG", "a b", "x".repeat(33).as_str()] {
        let id = id.replace(' ', "%20");
        assert_eq!(put(&admin, &id, &rules()).await?.problem(400, "invalid-field")?["field"], "id");
    }
    Ok(())
}

#[tokio::test]
async fn changed_rules_reach_the_users_who_are_in_the_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, ann, bob) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    let id = new_id();
    put(&admin, &id, &rules()).await?.expect(200)?;
    for user in [&ann, &bob] {
        move_to(&admin, user, &id).await?;
    }
    let image = ann.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let thumbnail = format!("/api/images/{}/thumbnail?size=320", id_of(&image)?);
    ann.get(&thumbnail).await?.problem(403, "size-not-in-tier")?;

    let mut changed = rules();
    (changed["thumbnail_sizes"], changed["max_images"]) = (json!([200, 320]), json!(1));
    put(&admin, &id, &changed).await?.expect(200)?;
    until(
        "the new size to be allowed",
        async || Ok((ann.get(&thumbnail).await?.status != 403).then_some(())),
    )
    .await?;
    let redirect = ann.get(&thumbnail).await?.expect(302)?;
    let bytes = stack.fetch(redirect.header("location")).await?.expect(200)?.bytes;
    pictures::check_quadrants(&bytes, 320, 240)?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    until("bob's copy of the rules", async || {
        let limits = bob.item("PROFILE").await?.unwrap_or_default()["limits"].take();
        Ok((limits["max_images"] == 1).then_some(()))
    })
    .await?;
    bob.post("/api/images", &body).await?.expect(201)?;
    bob.post("/api/images", &body).await?.problem(409, "quota-exceeded")?;
    Ok(())
}

#[tokio::test]
async fn a_tier_with_users_and_the_one_of_new_users_stay() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    admin.delete("/api/admin/account-tiers/basic").await?.problem(409, "tier-is-default")?;
    let id = new_id();
    let path = format!("/api/admin/account-tiers/{id}");
    put(&admin, &id, &rules()).await?.expect(200)?;
    move_to(&admin, &user, &id).await?;
    admin.delete(&path).await?.problem(409, "tier-in-use")?;
    move_to(&admin, &user, "basic").await?;
    until("the index to follow", async || Ok((admin.delete(&path).await?.status == 204).then_some(()))).await
}

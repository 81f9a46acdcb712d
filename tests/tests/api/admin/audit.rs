//! `GET /api/admin/audit`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User, id_of, unique, until};

/// The entries of a filtered list, newest first.
async fn entries(admin: &User, query: &str) -> Result<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _page in 0..200 {
        let page = admin.get(&format!("/api/admin/audit?limit=2&{query}{cursor}")).await?.json(200)?;
        let some = page["entries"].as_array().context("no list")?;
        assert!(some.len() <= 2);
        all.extend(some.clone());
        let Some(next) = page["next_cursor"].as_str() else { return Ok(all) };
        cursor = format!("&cursor={next}");
    }
    anyhow::bail!("the pages do not end")
}

/// Actions and outcomes.
fn actions(entries: &[Value]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap_or("?"), entry["outcome"].as_str().unwrap_or("?")))
        .collect()
}

fn rules() -> Value {
    json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": 5, "ai": false,
    })
}

#[tokio::test]
async fn every_change_of_a_user_leaves_an_entry_without_personal_data() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}", user.id);
    let email = format!("{}@example.com", unique("secret"));
    admin.patch(&path, &json!({"email": email, "first_name": "Secretname"})).await?.expect(200)?;
    admin.put(&format!("{path}/tier"), &json!({"tier": "premium"})).await?.expect(200)?;
    admin.patch(&path, &json!({"tier": "none"})).await?.problem(400, "invalid-field")?;
    admin.patch(&path, &json!({"enabled": false})).await?.expect(200)?;
    // Neither changes anything.
    admin.patch(&path, &json!({})).await?.expect(200)?;
    user.patch(&path, &json!({"enabled": true})).await?.problem(403, "admins-only")?;

    let all = entries(&admin, &format!("target={}", user.id)).await?;
    let update = "update-user";
    assert_eq!(actions(&all), [(update, "done"), (update, "failed"), (update, "done"), (update, "done")]);
    let [disabled, refused, moved, named] = &all[..] else { anyhow::bail!("{all:?}") };
    assert_eq!(disabled["details"]["enabled"], false);
    assert_eq!((&refused["code"], &refused["details"]["tier"]), (&json!("invalid-field"), &json!("none")));
    assert_eq!((&moved["code"], &moved["details"]["tier"]), (&Value::Null, &json!("premium")));
    assert_eq!(named["details"]["fields"], json!(["email", "first_name"]));
    assert_eq!(named["admin"], json!({"id": admin.id, "username": admin.username}));
    assert_eq!(named["target"], json!({"kind": "user", "id": user.id, "user_id": null, "name": null}));
    let text = json!(all).to_string();
    assert!(
        !text.contains(&email) && !text.contains("Secretname") && !text.contains(&user.username),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn changes_of_images_sets_and_tiers_leave_entries() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let file = json!({"file_name": "beach.png", "content_type": "image/png", "size": 10});
    let image = user.create_with(file).await?.id().to_owned();
    let set = user.post("/api/imagesets", &json!({"title": "By the sea"})).await?.json(201)?;
    let set = id_of(&set)?.to_owned();
    let paths = [format!("/api/admin/images/{image}"), format!("/api/admin/imagesets/{set}")];
    for path in &paths {
        until("it to be found", async || Ok((admin.get(path).await?.status == 200).then_some(()))).await?;
        let title = json!("By an admin");
        admin.patch(path, &json!({"title": title})).await?.expect(200)?;
        // The entry of the deletion has the title of the index, which follows the table.
        until("the title", async || Ok((admin.get(path).await?.json(200)?["title"] == title).then_some(())))
            .await?;
        // A refused change is no change.
        admin.patch(path, &json!({"title": ""})).await?.problem(400, "invalid-field")?;
        admin.delete(path).await?.expect(204)?;
    }
    let of_user = entries(&admin, &format!("target={}", user.id)).await?;
    assert_eq!(
        actions(&of_user).into_iter().map(|(action, _)| action).collect::<Vec<_>>(),
        ["delete-imageset", "update-imageset", "delete-image", "update-image"]
    );
    // The entries still say whose picture and whose set it was, and what they were called.
    let image_target = json!({"kind": "image", "id": image, "user_id": user.id, "name": "beach.png"});
    let set_target = |name: &str| json!({"kind": "imageset", "id": set, "user_id": user.id, "name": name});
    let targets: Vec<_> = of_user.iter().map(|entry| entry["target"].clone()).collect();
    let [of_deletion, of_change] = [set_target("By an admin"), set_target("By the sea")];
    assert_eq!(targets, [of_deletion, of_change, image_target.clone(), image_target]);
    let of_image = entries(&admin, &format!("target={image}")).await?;
    assert_eq!(of_image, of_user[2..]);
    assert_eq!(of_image[1]["details"]["fields"], json!(["title"]));

    let tier = unique("t");
    let path = format!("/api/admin/account-tiers/{tier}");
    admin.put(&path, &rules()).await?.expect(200)?;
    admin.delete(&path).await?.expect(204)?;
    let of_tier = entries(&admin, &format!("target={tier}")).await?;
    assert_eq!(actions(&of_tier), [("delete-tier", "done"), ("put-tier", "done")]);
    Ok(())
}

#[tokio::test]
async fn an_invitation_leaves_an_entry_even_if_cognito_refuses_it() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let username = unique("invited");
    let body = json!({"username": username, "email": format!("{username}@example.com")});
    let user = admin.post("/api/admin/users", &body).await?.json(201)?;
    let all = entries(&admin, &format!("target={}", id_of(&user)?)).await?;
    assert_eq!(actions(&all), [("create-user", "done")]);
    admin.post("/api/admin/users", &body).await?.problem(409, "username-taken")?;
    let refused = entries(&admin, &format!("admin={}", admin.id)).await?;
    let refused = refused.iter().find(|entry| entry["code"] == "username-taken").context("no entry")?;
    assert_eq!((&refused["action"], &refused["target"]["id"]), (&json!("create-user"), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn entries_of_earlier_months_follow_and_expired_ones_are_hidden() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    admin.patch(&format!("/api/admin/users/{}", user.id), &json!({"first_name": "x"})).await?.expect(200)?;
    // Entries of earlier months. The ids begin with the time of creation.
    let day = 24 * 60 * 60;
    let now = jiff::Timestamp::now().as_second();
    for (days, expires_at) in [(40, now + day), (70, now - 1), (390, now + day), (410, now + day)] {
        let at = jiff::Timestamp::from_second(now - days * day)?;
        let id = id_at(at.as_millisecond());
        let month = at.to_string()[..7].to_owned();
        let entry = json!({
            "pk": format!("AUDIT#{month}"), "sk": id, "id": id, "at": at.to_string(), "admin_id": "former",
            "admin_name": format!("{days} days ago"), "action": "update-user", "outcome": "done",
            "target": {"kind": "user", "id": user.id}, "details": {"fields": []}, "expires_at": expires_at,
        });
        stack.aws.put_item(&stack.outputs.table, &entry).await?;
    }
    let all = entries(&admin, &format!("target={}", user.id)).await?;
    let names: Vec<_> = all.iter().map(|entry| &entry["admin"]["username"]).collect();
    assert_eq!(names, [&json!(admin.username), &json!("40 days ago"), &json!("390 days ago")]);
    // Without a filter the order is the same, and every page but the last leads to the next.
    let all = entries(&admin, "").await?;
    let ids: Vec<_> = all.iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    assert!(ids.len() >= 3);
    Ok(())
}

/// A ULID of this millisecond (ULID specification, "Binary Layout and Byte Order"): ten characters of time, then random
/// ones.
fn id_at(milliseconds: i64) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = (0..10).rev().map(|place| {
        let digit = (milliseconds >> (5 * place)) & 31;
        char::from(ALPHABET[usize::try_from(digit).unwrap_or_default()])
    });
    time.chain("0000000000000000".chars()).collect()
}

#[tokio::test]
async fn only_admins_read_the_trail_and_bad_filters_are_named() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    user.get("/api/admin/audit").await?.problem(403, "admins-only")?;
    for (field, value) in [("admin", "a_b"), ("target", "a%20b"), ("limit", "0")] {
        let answer = admin.get(&format!("/api/admin/audit?{field}={value}")).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], field);
    }
    admin.get("/api/admin/audit?cursor=made-up").await?.problem(400, "bad-cursor")?;
    Ok(())
}

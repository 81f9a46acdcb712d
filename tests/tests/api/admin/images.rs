//! `GET /api/admin/images`, and `GET`, `PATCH` and `DELETE /api/admin/images/{id}`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, unique, until};

/// The ids on the first page of a list.
async fn list(admin: &User, query: &str) -> Result<Vec<String>> {
    let page = admin.get(&format!("/api/admin/images?limit=100&{query}")).await?.json(200)?;
    Ok(ids(&page))
}

fn ids(page: &Value) -> Vec<String> {
    let images = page["images"].as_array().into_iter().flatten();
    images.filter_map(|image| image["id"].as_str()).map(str::to_owned).collect()
}

/// The index behind the lists follows the table with a delay.
async fn lists(admin: &User, query: &str, expected: &[&str]) -> Result<()> {
    until(&format!("{query} to show {expected:?}"), async || {
        Ok((list(admin, query).await? == expected).then_some(()))
    })
    .await
}

async fn named(user: &User, name: &str) -> Result<String> {
    let fields = json!({"file_name": name, "content_type": "image/png", "size": 10});
    Ok(user.create_with(fields).await?.id().to_owned())
}

#[tokio::test]
async fn an_admin_sees_everybodys_images_newest_first_and_others_see_none() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, ann, bob) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    let word = unique("word");
    let mut made = Vec::new();
    for n in 0..6 {
        let user = if n % 2 == 0 { &ann } else { &bob };
        made.insert(0, named(user, &format!("{n} {word}.png")).await?);
    }
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    lists(&admin, &format!("file_name={word}"), &made).await?;
    // Without a filter too, though others upload meanwhile; and by pages.
    let all = list(&admin, "").await?;
    let mine: Vec<_> = all.iter().filter(|id| made.contains(&id.as_str())).collect();
    assert_eq!(mine, made);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("/api/admin/images?limit=4&file_name={word}{cursor}");
        let page = admin.get(&query).await?.json(200)?;
        assert!(ids(&page).len() <= 4);
        seen.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        anyhow::ensure!(seen.len() <= made.len(), "{seen:?}");
    }
    assert_eq!(seen, made);

    // Only what belongs to Bob, from the table itself.
    let bobs = [made[0], made[2], made[4]];
    assert_eq!(list(&admin, &format!("username={}", bob.username)).await?, bobs);
    assert_eq!(list(&admin, &format!("username={}&file_name=3%20{word}", bob.username)).await?, [made[2]]);
    assert_eq!(
        list(&admin, &format!("username={}&uploaded_before=2026-01-01T00:00:00Z", bob.username)).await?,
        [""; 0]
    );
    let first =
        admin.get(&format!("/api/admin/images?username={}&limit=2", bob.username)).await?.json(200)?;
    assert_eq!(ids(&first), bobs[..2]);
    let cursor = first["next_cursor"].as_str().context("no second page")?;
    let query = format!("username={}&cursor={cursor}", bob.username);
    assert_eq!(list(&admin, &query).await?, bobs[2..]);
    assert_eq!(list(&admin, "username=nobody-of-this-name").await?, [""; 0]);

    let page = admin.get(&format!("/api/admin/images?file_name={word}")).await?.json(200)?;
    let owners: Vec<_> = page["images"].as_array().unwrap().iter().map(|image| &image["user_id"]).collect();
    assert_eq!(owners, [&bob.id, &ann.id, &bob.id, &ann.id, &bob.id, &ann.id]);
    ann.get("/api/admin/images").await?.problem(403, "admins-only")?;
    Ok(())
}

#[tokio::test]
async fn the_list_can_be_narrowed() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let word = unique("Word");
    let failed = user.create_with(json!({
        "file_name": format!("ÉTÉ {word}.JPG"), "content_type": "image/png", "size": 3,
    }));
    let failed = failed.await?;
    stack.put(&failed.upload, b"abc".to_vec()).await?.expect(200)?;
    let pending = named(&user, &format!("été {word}.jpg")).await?;
    let created = user.developed(failed.id()).await?["created_at"].as_str().context("no time")?.to_owned();
    let later = user.image(&pending).await?["created_at"].as_str().context("no time")?.to_owned();
    assert!(created < later, "{created} {later}");

    let lower = word.to_lowercase();
    lists(&admin, &format!("file_name=%C3%A9t%C3%A9%20{lower}.jpg"), &[&pending, failed.id()]).await?;
    lists(&admin, &format!("file_name={word}&status=failed"), &[failed.id()]).await?;
    lists(&admin, &format!("file_name={word}&status=pending"), &[&pending]).await?;
    lists(&admin, &format!("file_name={word}&status=ready"), &[]).await?;
    lists(&admin, &format!("file_name={word}&uploaded_after={later}"), &[&pending]).await?;
    lists(&admin, &format!("file_name={word}&uploaded_before={later}"), &[failed.id()]).await?;
    lists(&admin, &format!("file_name={word}&uploaded_after={later}&uploaded_before={later}"), &[]).await?;
    Ok(())
}

#[tokio::test]
async fn an_admin_finds_the_images_of_a_phone_number_of_all_users() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, ann, bob) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    let mut made = Vec::new();
    for user in [&ann, &bob] {
        let body = json!({"files": [{"file_name": "a", "content_type": "image/png", "size": 10}]});
        let answer = user.post("/api/phones/+442071838750/images", &body).await?.json(201)?;
        made.push(id_of(&answer["results"][0]["image"])?.to_owned());
    }
    until("both images to be found", async || {
        let seen = list(&admin, "phone_number=%2B44%20207%20183%208750").await?;
        let mine: Vec<_> = seen.iter().filter(|id| made.contains(*id)).collect();
        Ok((mine == [&made[1], &made[0]]).then_some(()))
    })
    .await?;
    assert!(!list(&admin, "phone_number=%2B442071838751").await?.contains(&made[0]));
    let query = |number: &str| format!("username={}&phone_number=%2B44207183875{number}", ann.username);
    lists(&admin, &query("0"), &[&made[0]]).await?;
    assert_eq!(list(&admin, &query("1")).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    for (field, value) in [
        ("phone_number", "x"),
        ("status", "done"),
        ("uploaded_after", "yesterday"),
        ("uploaded_before", "2026-13-01T00:00:00Z"),
        ("limit", "101"),
        ("username", "a".repeat(129).as_str()),
    ] {
        let answer = admin.get(&format!("/api/admin/images?{field}={value}")).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], field, "{value}");
    }
    let page = admin.get("/api/admin/images?limit=1").await?.json(200)?;
    if let Some(cursor) = page["next_cursor"].as_str() {
        let other = format!("/api/admin/images?status=failed&cursor={cursor}");
        admin.get(&other).await?.problem(400, "bad-cursor")?;
    }
    admin.get("/api/admin/images?cursor=made-up").await?.problem(400, "bad-cursor")?;
    Ok(())
}

#[tokio::test]
async fn an_admin_sees_edits_and_deletes_an_image_of_somebody() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let image = user.upload_and_develop("image/png", pictures::png(300, 300)?).await?;
    let id = id_of(&image)?;
    let path = format!("/api/admin/images/{id}");
    let seen = until("the image to be found", async || {
        let answer = admin.get(&path).await?;
        if answer.status == 404 { Ok(None) } else { answer.json(200).map(Some) }
    })
    .await?;
    assert_eq!((&seen["id"], &seen["user_id"]), (&json!(id), &json!(user.id)));
    // The owner's tier does not matter.
    assert!(seen["original_url"].is_string(), "{seen}");
    pictures::check_quadrants(&admin.thumbnail(&seen, 200).await?.bytes, 200, 200)?;

    let edited = admin.patch(&path, &json!({"title": "Edited", "file_name": "b.png"})).await?.json(200)?;
    assert_eq!((&edited["title"], &edited["file_name"]), (&json!("Edited"), &json!("b.png")));
    assert_eq!(user.image(id).await?["title"], "Edited");
    let problem = admin.patch(&path, &json!({"title": ""})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "title");

    admin.delete(&path).await?.expect(204)?;
    user.get(&format!("/api/images/{id}")).await?.problem(404, "not-found")?;
    user.objects_vanish(id).await?;
    user.usage_becomes(0, 0).await?;
    until(
        "the image to be found no more",
        async || Ok((admin.get(&path).await?.status == 404).then_some(())),
    )
    .await?;
    admin.delete(&path).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn an_image_in_a_slot_leaves_it_empty_when_an_admin_deletes_it() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::BASIC))?;
    let set = user.create_set().await?;
    let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let path = format!("/api/admin/images/{}", id_of(&created["image"])?);
    until("the image to be found", async || Ok((admin.get(&path).await?.status == 200).then_some(())))
        .await?;
    admin.delete(&path).await?.expect(204)?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"], Value::Null);
    user.fill(&set, "image1", "image/png", 10).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn nobody_else_may() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/admin/images/{}", user.create("image/png", 10).await?.id());
    user.get(&path).await?.problem(403, "admins-only")?;
    user.patch(&path, &json!({"title": "x"})).await?.problem(403, "admins-only")?;
    user.delete(&path).await?.problem(403, "admins-only")?;
    user.get("/api/admin/users").await?.problem(403, "admins-only")?;
    let tier = format!("/api/admin/users/{}/tier", user.id);
    user.put(&tier, &json!({"tier": "enterprise"})).await?.problem(403, "admins-only")?;
    user.put("/api/admin/account-tiers/mine", &json!({})).await?.problem(403, "admins-only")?;
    user.delete("/api/admin/account-tiers/premium").await?.problem(403, "admins-only")?;
    assert_eq!(user.get("/api/auth/profile").await?.json(200)?["tier"], "basic");
    Ok(())
}

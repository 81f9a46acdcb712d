//! `GET /api/admin/imagesets`, and `GET`, `PATCH` and `DELETE /api/admin/imagesets/{id}`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, unique, until};

/// The ids on the pages of a list.
async fn list(admin: &User, query: &str) -> Result<Vec<String>> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _page in 0..200 {
        let page = admin.get(&format!("/api/admin/imagesets?limit=2&{query}{cursor}")).await?.json(200)?;
        let sets = page["imagesets"].as_array().context("no list")?;
        assert!(sets.len() <= 2);
        ids.extend(sets.iter().filter_map(|set| set["id"].as_str()).map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { return Ok(ids) };
        cursor = format!("&cursor={next}");
    }
    anyhow::bail!("the pages do not end")
}

/// The index behind the list follows the table with a delay.
async fn lists(admin: &User, query: &str, expected: &[String]) -> Result<()> {
    until(&format!("{query} to show {expected:?}"), async || {
        Ok((list(admin, query).await? == expected).then_some(()))
    })
    .await
}

async fn create(user: &User, title: &str, description: &str) -> Result<String> {
    let body = json!({"title": title, "description": description});
    Ok(id_of(&user.post("/api/imagesets", &body).await?.json(201)?)?.to_owned())
}

/// Waits until admins find a set.
async fn found(admin: &User, id: &str) -> Result<Value> {
    until("the set to be found", async || {
        let answer = admin.get(&format!("/api/admin/imagesets/{id}")).await?;
        if answer.status == 404 { Ok(None) } else { answer.json(200).map(Some) }
    })
    .await
}

#[tokio::test]
async fn an_admin_finds_everybodys_sets_newest_first_by_owner_and_by_text() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, ann, bob) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    let word = unique("Word");
    let mut made = Vec::new();
    for n in 0..6 {
        let user = if n % 2 == 0 { &ann } else { &bob };
        let texts = if n % 3 == 0 {
            (format!("ÉTÉ {word}"), "x".to_owned())
        } else {
            ("x".to_owned(), format!("in {word}."))
        };
        made.insert(0, create(user, &texts.0, &texts.1).await?);
    }
    let lower = word.to_lowercase();
    lists(&admin, &format!("search={lower}"), &made).await?;
    lists(&admin, &format!("search=%C3%A9t%C3%A9%20{lower}"), &[made[2].clone(), made[5].clone()]).await?;
    // Only what belongs to Bob: the sixth, the fourth and the second.
    let bobs = [made[0].clone(), made[2].clone(), made[4].clone()];
    lists(&admin, &format!("username={}", bob.username), &bobs).await?;
    lists(&admin, &format!("username={}&search=%C3%A9t%C3%A9", bob.username), &[made[2].clone()]).await?;
    lists(&admin, "username=nobody-of-this-name", &[]).await?;
    let too_long = format!("/api/admin/imagesets?username={}", "a".repeat(129));
    assert_eq!(admin.get(&too_long).await?.problem(400, "invalid-field")?["field"], "username");

    let page = admin.get(&format!("/api/admin/imagesets?search={lower}&limit=6")).await?.json(200)?;
    let owners: Vec<_> =
        page["imagesets"].as_array().context("no list")?.iter().map(|set| &set["user_id"]).collect();
    assert_eq!(owners, [&bob.id, &ann.id, &bob.id, &ann.id, &bob.id, &ann.id]);
    // A changed text is found by its new words alone.
    ann.put(&format!("/api/imagesets/{}", made[5]), &json!({"description": format!("new{word}")}))
        .await?
        .expect(200)?;
    lists(&admin, &format!("search=new{word}"), &[made[5].clone()]).await?;
    lists(&admin, &format!("search=%C3%A9t%C3%A9%20{lower}"), &[made[2].clone()]).await?;

    ann.get("/api/admin/imagesets").await?.problem(403, "admins-only")?;
    admin.get("/api/admin/imagesets?cursor=made-up").await?.problem(400, "bad-cursor")?;
    Ok(())
}

#[tokio::test]
async fn an_admin_sees_edits_and_deletes_a_set_of_somebody() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let id = create(&user, "Before", "Stays").await?;
    let picture = pictures::png(300, 300)?;
    let created = user.fill(&id, "image2", "image/png", picture.len()).await?.json(201)?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    let image = id_of(&created["image"])?;
    user.developed(image).await?;
    let path = format!("/api/admin/imagesets/{id}");
    found(&admin, &id).await?;
    let seen = until("the image in the slot", async || {
        let seen = admin.get(&path).await?.json(200)?;
        Ok((!seen["images"]["image2"].is_null()).then_some(seen))
    })
    .await?;
    assert_eq!((&seen["user_id"], &seen["images"]["image2"]["id"]), (&json!(user.id), &json!(image)));
    // The owner's tier does not matter.
    assert!(seen["images"]["image2"]["original_url"].is_string(), "{seen}");

    let edited = admin.patch(&path, &json!({"title": "After"})).await?.json(200)?;
    assert_eq!((&edited["title"], &edited["description"]), (&json!("After"), &json!("Stays")));
    assert_eq!(edited["images"]["image2"]["id"], image);
    assert_eq!(user.get(&format!("/api/imagesets/{id}")).await?.json(200)?["title"], "After");
    let problem = admin.patch(&path, &json!({"title": ""})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "title");

    admin.delete(&path).await?.expect(204)?;
    user.get(&format!("/api/imagesets/{id}")).await?.problem(404, "not-found")?;
    user.get(&format!("/api/images/{image}")).await?.problem(404, "not-found")?;
    user.objects_vanish(image).await?;
    user.usage_becomes(0, 0).await?;
    until("the set to be found no more", async || Ok((admin.get(&path).await?.status == 404).then_some(())))
        .await?;
    admin.patch(&path, &json!({"title": "x"})).await?.problem(404, "not-found")?;
    admin.delete(&path).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn a_set_is_found_by_its_texts_after_they_were_changed() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let [before, title, description] = ["before", "title", "description"].map(unique);
    let id = create(&user, &before, &before).await?;
    let expected = [id.clone()];
    lists(&admin, &format!("search={before}"), &expected).await?;
    // The owner changes the title, and an admin the description.
    user.patch(&format!("/api/imagesets/{id}"), &json!({"title": title})).await?.expect(200)?;
    let change = json!({"description": description});
    admin.patch(&format!("/api/admin/imagesets/{id}"), &change).await?.expect(200)?;
    lists(&admin, &format!("search={title}"), &expected).await?;
    lists(&admin, &format!("search={description}"), &expected).await?;
    lists(&admin, &format!("search={before}"), &[]).await
}

#[tokio::test]
async fn a_set_of_an_earlier_version_is_found_after_the_next_search_for_uploads() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::BASIC))?;
    let id = create(&user, &unique("Old"), "x").await?;
    let (pk, sk) = (format!("USER#{}", user.id), format!("SET#{id}"));
    let table = &stack.outputs.table;
    let older = "REMOVE #shard, search_title, search_description";
    stack.aws.update_item(table, (&pk, &sk), older, &json!({})).await?;
    let path = format!("/api/admin/imagesets/{id}");
    until("the set to be found no more", async || Ok((admin.get(&path).await?.status == 404).then_some(())))
        .await?;
    // As if the deployment were new: no run has looked yet.
    stack.aws.delete_item(table, "SET_INDEX", "POSITION").await?;
    stack.invoke("WorkersFindUploads", &json!({"time": jiff::Timestamp::now().to_string()})).await?.ok()?;
    found(&admin, &id).await?;
    let item = stack.aws.item(table, &pk, &sk).await?.context("no set")?;
    assert_eq!(item["search_description"], "x", "{item}");
    Ok(())
}

#[tokio::test]
async fn nobody_else_may() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/admin/imagesets/{}", user.create_set().await?);
    user.get(&path).await?.problem(403, "admins-only")?;
    user.patch(&path, &json!({"title": "x"})).await?.problem(403, "admins-only")?;
    user.delete(&path).await?.problem(403, "admins-only")?;
    Ok(())
}

//! The trash: `DELETE /api/images/{id}`, `GET /api/images` with `trashed`, `POST /api/images/{id}/restore` and
//! `DELETE /api/trash`

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, events, id_of, pictures, until};

/// Creates an image that is ready, and returns its id.
async fn ready(user: &User) -> Result<String> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    Ok(id_of(&image)?.to_owned())
}

/// The ids in a list.
async fn ids(user: &User, query: &str) -> Result<Vec<String>> {
    let page = user.get(&format!("/api/images?{query}")).await?.json(200)?;
    assert_eq!(page["next_cursor"], Value::Null);
    page["images"].as_array().context("no list")?.iter().map(|image| Ok(id_of(image)?.to_owned())).collect()
}

#[tokio::test]
async fn a_deleted_picture_is_in_the_trash_and_comes_back_as_it_was() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user_in(Tier::ENTERPRISE), stack.user())?;
    let id = ready(&user).await?;
    let path = format!("/api/images/{id}");
    user.patch(&path, &json!({"title": "A title"})).await?.expect(200)?;
    let (before, used) = (user.image(&id).await?, user.usage().await?);

    user.delete(&path).await?.expect(204)?;
    assert_eq!(ids(&user, "").await?, [""; 0]);
    assert_eq!(ids(&user, "sort=taken_at").await?, [""; 0]);
    let page = user.get("/api/images?trashed=true").await?.json(200)?;
    let trashed = &page["images"][0];
    assert_eq!((&trashed["id"], &trashed["title"]), (&json!(id), &json!("A title")));
    // It counts, but has no addresses.
    assert_eq!((&trashed["thumbnails"], &trashed["original_url"]), (&json!([]), &Value::Null));
    assert_eq!(user.usage().await?, used);
    let time = |name: &str| -> Result<jiff::Timestamp> {
        Ok(trashed["trash"][name].as_str().context("no time")?.parse()?)
    };
    let days = (time("deleted_at")?.as_second() - time("moved_at")?.as_second()) / (24 * 60 * 60);
    assert_eq!(days, 30);

    let restore = format!("{path}/restore");
    other.post_empty(&restore).await?.problem(404, "not-found")?;
    assert_eq!(other.get("/api/images?trashed=true").await?.json(200)?["images"], json!([]));
    let restored = user.post_empty(&restore).await?.json(200)?;
    assert_eq!(restored["trash"], Value::Null);
    stack.fetch(restored["thumbnails"][0]["url"].as_str().context("no thumbnail")?).await?.expect(200)?;
    let after = user.image(&id).await?;
    for member in ["title", "file_name", "version", "status", "width", "placeholder", "created_at"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(ids(&user, "trashed=true").await?, [""; 0]);
    until("the index to follow", async || {
        Ok((ids(&user, "sort=taken_at").await? == [id.clone()]).then_some(()))
    })
    .await?;
    // The response may have been lost. Then the client repeats the request.
    assert_eq!(user.post_empty(&restore).await?.json(200)?["id"], json!(id));
    Ok(())
}

#[tokio::test]
async fn nothing_in_the_trash_is_served_or_changed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let path = format!("/api/images/{id}");
    let options = json!({"expires_in": 300, "strip_metadata": false});
    let link = user.post(&format!("{path}/links"), &options).await?.json(201)?;
    let link = link["url"].as_str().context("no url")?;
    stack.fetch(link).await?.expect(302)?;
    user.get(&format!("{path}/rendition?width=20")).await?.expect(302)?;

    user.delete(&path).await?.expect(204)?;
    for place in ["", "/status", "/thumbnail", "/rendition?width=20", "/rendition?width=21", "/links"] {
        user.get(&format!("{path}{place}"))
            .await?
            .problem(404, "not-found")
            .with_context(|| place.to_owned())?;
    }
    stack.fetch(link).await?.problem(404, "link-not-found")?;
    user.post(&format!("{path}/links"), &options).await?.problem(404, "not-found")?;
    user.patch(&path, &json!({"title": "x"})).await?.problem(404, "not-found")?;
    let replace = json!({"replace": {"content_type": "image/png", "size": 10}});
    user.patch(&path, &replace).await?.problem(404, "not-found")?;
    user.delete(&path).await?.problem(404, "not-found")?;
    let set = user.create_set().await?;
    let place = format!("/api/imagesets/{set}/images/image1");
    let problem = user.put(&place, &json!({"image_id": id})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "image_id");

    // The link rested.
    user.post_empty(&format!("{path}/restore")).await?.expect(200)?;
    stack.fetch(link).await?.expect(302)?;
    Ok(())
}

#[tokio::test]
async fn a_place_in_a_set_comes_back_unless_another_picture_took_it() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (set, id) = tokio::try_join!(user.create_set(), ready(&user))?;
    let (place, path) = (format!("/api/imagesets/{set}/images/image1"), format!("/api/images/{id}"));
    let shown = async || -> Result<Value> {
        Ok(user.get(&format!("/api/imagesets/{set}")).await?.json(200)?["images"]["image1"].take())
    };
    user.put(&place, &json!({"image_id": id})).await?.expect(200)?;
    user.delete(&path).await?.expect(204)?;
    assert_eq!(shown().await?, Value::Null);
    let restored = user.post_empty(&format!("{path}/restore")).await?.json(200)?;
    assert_eq!(restored["set"], json!({"id": set, "image_type": "image1"}));
    assert_eq!(shown().await?["id"], id);

    user.delete(&path).await?.expect(204)?;
    let other = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let restored = user.post_empty(&format!("{path}/restore")).await?.json(200)?;
    assert_eq!(restored["set"], Value::Null);
    assert_eq!(shown().await?["id"], other["image"]["id"]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_set_puts_its_pictures_into_the_trash() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (set, kept, thrown) = tokio::try_join!(user.create_set(), ready(&user), ready(&user))?;
    for (slot, id) in [("image1", &kept), ("image2", &thrown)] {
        let place = format!("/api/imagesets/{set}/images/{slot}");
        user.put(&place, &json!({"image_id": id})).await?.expect(200)?;
    }
    let pending = user.fill(&set, "image3", "image/png", 10).await?.json(201)?;
    user.delete(&format!("/api/images/{thrown}")).await?.expect(204)?;

    let event = events::set_removed(&user, &set).await?;
    user.delete(&format!("/api/imagesets/{set}")).await?.expect(204)?;
    // Also a late or repeated stream record of the set deletes nothing.
    stack.invoke("WorkersStream", &event).await?.ok()?;
    let mut trashed = ids(&user, "trashed=true&order=asc").await?;
    trashed.sort();
    let mut expected = vec![kept.clone(), thrown.clone()];
    expected.sort();
    assert_eq!(trashed, expected);
    // A picture that waits for its file has nothing to restore.
    assert_eq!(user.record(id_of(&pending["image"])?).await?, None);
    for id in [kept, thrown] {
        let restored = user.post_empty(&format!("/api/images/{id}/restore")).await?.json(200)?;
        assert_eq!(restored["set"], Value::Null);
    }
    Ok(())
}

#[tokio::test]
async fn without_a_trash_and_without_a_picture_a_deletion_is_permanent() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, older) =
        tokio::try_join!(stack.user_in(Tier::BASIC.with("trash_days", 0)), stack.user_in(Tier::BASIC))?;
    // A profile of an earlier version.
    older.change_profile("REMOVE limits.trash_days", json!({})).await?;
    for user in [user, older] {
        let id = ready(&user).await?;
        user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
        user.usage_becomes(0, 0).await?;
        user.objects_vanish(&id).await?;
    }
    let user = stack.user().await?;
    let pending = user.create("image/png", 10).await?;
    user.delete(&format!("/api/images/{}", pending.id())).await?.expect(204)?;
    user.usage_becomes(0, 0).await
}

#[tokio::test]
async fn the_trash_is_emptied_and_its_pictures_go_completely() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (one, two, stays) = tokio::try_join!(ready(&user), ready(&user), ready(&user))?;
    for id in [&one, &two] {
        user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
    }
    assert_eq!(user.delete("/api/trash").await?.json(200)?, json!({"deleted": 2, "is_empty": true}));
    assert_eq!(ids(&user, "trashed=true").await?, [""; 0]);
    for id in [&one, &two] {
        user.objects_vanish(id).await?;
        user.post_empty(&format!("/api/images/{id}/restore")).await?.problem(404, "not-found")?;
    }
    user.usage_becomes(1, user.image(&stays).await?["size"].as_u64().context("no size")?).await?;
    assert_eq!(user.delete("/api/trash").await?.json(200)?, json!({"deleted": 0, "is_empty": true}));
    Ok(())
}

#[tokio::test]
async fn a_request_empties_a_bounded_part_of_a_large_trash() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // Items of images that were deleted in another way.
    try_join_all((0..205).map(async |number| {
        let sk = format!("TRASH#01JZ00000000000000000{number:05}");
        let item = json!({"pk": format!("USER#{}", user.id), "sk": sk, "expires_at": 9_999_999_999_i64});
        stack.aws.put_item(&stack.outputs.table, &item).await
    }))
    .await?;
    let answer = user.delete("/api/trash").await?.json(200)?;
    assert_eq!(answer, json!({"deleted": 0, "is_empty": false}));
    // On a slow machine, the time of one request is not enough for the rest.
    until("the trash to be empty", async || {
        let answer = user.delete("/api/trash").await?.json(200)?;
        assert_eq!(answer["deleted"], 0);
        Ok((answer["is_empty"] == true).then_some(()))
    })
    .await
}

#[tokio::test]
async fn one_picture_in_the_trash_can_be_deleted_for_good() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = ready(&user).await?;
    user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.usage_becomes(0, 0).await?;
    until("the item of the trash to go", async || {
        Ok(user.item(&format!("TRASH#{id}")).await?.is_none().then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_picture_goes_when_its_time_in_the_trash_is_over() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = ready(&user).await?;
    let path = format!("/api/images/{id}");
    user.delete(&path).await?.expect(204)?;
    let lapsed = events::trash_lapsed(&user, &id).await?;
    // A record that comes too early deletes nothing.
    stack.invoke("WorkersStream", &lapsed).await?.ok()?;
    assert!(user.record(&id).await?.is_some());
    user.change_record(&id, "SET trash.#until = :past", json!({":past": 1})).await?;
    // DynamoDB deletes expired items later. Until then, nobody can restore the picture.
    user.post_empty(&format!("{path}/restore")).await?.problem(404, "not-found")?;
    assert_eq!(ids(&user, "trashed=true").await?, [""; 0]);
    stack.invoke("WorkersStream", &lapsed).await?.ok()?;
    user.objects_vanish(&id).await?;
    user.usage_becomes(0, 0).await?;
    assert_eq!(user.record(&id).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_replacement_that_arrives_in_the_trash_is_there_after_the_restoration() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = ready(&user).await?;
    let picture = pictures::png(30, 20)?;
    let replacement = user.replace(&id, "image/png", picture.len()).await?;
    user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
    stack.put(&replacement.upload, picture).await?.expect(200)?;
    until("the replacement to be developed", async || {
        let record = user.record(&id).await?.context("no record")?;
        Ok((record["status"] == "ready").then_some(()))
    })
    .await?;
    let restored = user.post_empty(&format!("/api/images/{id}/restore")).await?.json(200)?;
    assert_eq!((&restored["version"], &restored["width"]), (&json!(2), &json!(30)));
    Ok(())
}

#[tokio::test]
async fn a_page_is_full_although_the_newest_pictures_are_in_the_trash() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let shown = [ready(&user).await?, ready(&user).await?];
    for _ in 0..3 {
        let id = ready(&user).await?;
        user.delete(&format!("/api/images/{id}")).await?.expect(204)?;
    }
    for sort in ["created_at", "taken_at"] {
        let page = user.get(&format!("/api/images?limit=1&sort={sort}")).await?.json(200)?;
        assert_eq!(page["images"][0]["id"], shown[1], "{sort}");
        let cursor = page["next_cursor"].as_str().context("no cursor")?;
        let page = user.get(&format!("/api/images?limit=1&sort={sort}&cursor={cursor}")).await?.json(200)?;
        assert_eq!(page["images"][0]["id"], shown[0], "{sort}");
    }
    let page = user.get("/api/images?trashed=true&limit=2").await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    let rest = user.get(&format!("/api/images?trashed=true&limit=2&cursor={cursor}")).await?.json(200)?;
    assert_eq!(rest["images"].as_array().map(Vec::len), Some(1));
    user.get(&format!("/api/images?limit=2&cursor={cursor}")).await?.problem(400, "bad-cursor")?;
    for query in
        ["trashed=yes", "trashed=true&status=ready", "trashed=true&sort=taken_at", "trashed=true&q=a"]
    {
        user.get(&format!("/api/images?{query}")).await?.problem(400, "invalid-field")?;
    }
    Ok(())
}

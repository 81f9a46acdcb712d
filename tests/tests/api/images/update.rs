//! `PATCH /api/images/{id}`: texts of an image, and new versions of its picture

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, events, id_of, pictures};

#[tokio::test]
async fn what_is_said_of_an_image_changes_and_the_rest_stays() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let fields = json!({
        "file_name": "cat.jpg", "content_type": "image/jpeg", "size": 10, "title": "A cat", "description": "On a mat",
    });
    let before = user.create_with(fields).await?.image;
    let path = format!("/api/images/{}", id_of(&before)?);

    let after = user.patch(&path, &json!({"title": "A dog"})).await?.json(200)?;
    assert_eq!(after["title"], "A dog");
    for same in ["file_name", "description", "size", "status", "version", "created_at"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    let after = user.patch(&path, &json!({"description": null, "file_name": "../ü.jpg"})).await?.json(200)?;
    assert_eq!(
        (&after["title"], &after["description"], &after["file_name"]),
        (&json!("A dog"), &Value::Null, &json!("../ü.jpg"))
    );
    assert_eq!(user.image(id_of(&before)?).await?, after);
    Ok(())
}

#[tokio::test]
async fn a_change_is_held_to_the_same_bounds_as_a_new_image() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/images/{}", user.create("image/png", 10).await?.id());
    for (field, body) in [
        ("title", json!({"title": ""})),
        ("file_name", json!({"file_name": "x".repeat(300)})),
        ("description", json!({"description": 7})),
        ("size", json!({"size": 7})),
        ("replace.size", json!({"replace": {"content_type": "image/png", "size": 0}})),
        ("replace.content_type", json!({"replace": {"content_type": "text/html", "size": 1}})),
    ] {
        let problem = user.patch(&path, &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_changes_the_images_of_others() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let created = ann.create("image/png", 10).await?;
    let path = format!("/api/images/{}", created.id());
    for body in [json!({"title": "mine"}), json!({"replace": {"content_type": "image/png", "size": 1}})] {
        bob.patch(&path, &body).await?.problem(404, "not-found")?;
    }
    assert_eq!(ann.image(created.id()).await?["title"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn the_old_picture_is_served_until_the_new_one_is_ready() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (old, new) = (pictures::jpeg(400, 240)?, pictures::png(240, 400)?);
    let before = user.upload_and_develop("image/jpeg", old.clone()).await?;
    let id = id_of(&before)?;

    let replacement = user.replace(id, "image/png", new.len()).await?;
    let meanwhile = user.image(id).await?;
    assert_eq!((&meanwhile["status"], &meanwhile["version"]), (&json!("pending"), &json!(2)));
    assert_eq!((&meanwhile["width"], &meanwhile["height"]), (&json!(400), &json!(240)));
    pictures::check_quadrants(&user.thumbnail(&meanwhile, 200).await?.bytes, 200, 120)?;
    assert_eq!(user.usage().await?, (1, (old.len() + new.len()) as u64));

    let address = replacement.upload["url"].as_str().context("no url")?;
    assert!(address.contains(&format!("/{id}/2?")), "{address}");
    stack.put(&replacement.upload, new.clone()).await?.expect(200)?;
    let after = user.developed(id).await?;
    assert_eq!((&after["status"], &after["version"]), (&json!("ready"), &json!(2)), "{after}");
    assert_eq!((&after["width"], &after["height"]), (&json!(240), &json!(400)));
    assert_eq!((&after["content_type"], &after["size"]), (&json!("image/png"), &json!(new.len())));
    pictures::check_quadrants(&user.thumbnail(&after, 200).await?.bytes, 120, 200)?;

    // Buckets and quota contain nothing of the old version.
    assert_eq!(user.usage().await?, (1, new.len() as u64));
    let prefix = format!("{}/{id}/1", user.id);
    tests::until("the old version's objects to go", async || {
        let (originals, derivatives) = user.objects(id).await?;
        Ok((!originals.iter().chain(&derivatives).any(|key| key.starts_with(&prefix))).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_replacement_that_fails_leaves_the_old_picture_and_says_why() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let old = pictures::jpeg(400, 240)?;
    let before = user.upload_and_develop("image/jpeg", old.clone()).await?;
    let id = id_of(&before)?;
    let html = b"<!doctype html>".to_vec();
    let replacement = user.replace(id, "image/png", html.len()).await?;
    stack.put(&replacement.upload, html).await?.expect(200)?;
    let after = user.developed(id).await?;
    assert_eq!((&after["status"], &after["failure"]["code"]), (&json!("failed"), &json!("not-an-image")));
    pictures::check_quadrants(&user.thumbnail(&after, 200).await?.bytes, 200, 120)?;
    let original = stack.fetch(after["original_url"].as_str().context("no original")?).await?.expect(200)?;
    assert_eq!(original.bytes, old);
    user.usage_becomes(1, old.len() as u64).await?;
    // A third attempt succeeds.
    let new = pictures::png(64, 64)?;
    let replacement = user.replace(id, "image/png", new.len()).await?;
    stack.put(&replacement.upload, new).await?.expect(200)?;
    let after = user.developed(id).await?;
    assert_eq!(
        (&after["status"], &after["version"], &after["failure"]),
        (&json!("ready"), &json!(3), &Value::Null)
    );
    Ok(())
}

#[tokio::test]
async fn only_the_last_of_several_failed_versions_is_kept_and_counts() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let html = b"<!doctype html>".to_vec();
    let first = user.upload_and_develop("image/png", html.clone()).await?;
    let id = id_of(&first)?;
    for version in 2..=3 {
        let replacement = user.replace(id, "image/png", html.len()).await?;
        stack.put(&replacement.upload, html.clone()).await?.expect(200)?;
        let image = user.developed(id).await?;
        assert_eq!((&image["status"], &image["version"]), (&json!("failed"), &json!(version)));
    }
    assert_eq!(user.usage().await?, (1, html.len() as u64));
    let last = format!("{}/{id}/3", user.id);
    tests::until("the versions before to go", async || {
        Ok((user.objects(id).await?.0 == [last.clone()]).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_version_that_a_worker_left_behind_goes_when_its_event_comes_again() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let before = user.upload_and_develop("image/jpeg", pictures::jpeg(400, 240)?).await?;
    let id = id_of(&before)?;
    let new = pictures::png(64, 64)?;
    let replacement = user.replace(id, "image/png", new.len()).await?;
    stack.put(&replacement.upload, new).await?.expect(200)?;
    user.developed(id).await?;
    // As if the worker had died between its last write and the deletion.
    let left = format!("{}/{id}/1/200.jpg", user.id);
    stack.aws.put_object(&stack.outputs.derived_bucket, &left, b"old".to_vec()).await?;
    let record = user.record(id).await?.context("no record")?;
    let sequencer = record["sequencer"].as_str().context("no sequencer")?;
    let again = events::uploaded([(format!("{}/{id}/2", user.id).as_str(), sequencer)])?;
    tests::until("what was left behind to go", async || {
        stack.invoke("WorkersThumbnail", &again).await?.ok()?;
        Ok((!user.objects(id).await?.1.contains(&left)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn late_events_of_a_replaced_version_are_ignored() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let before = user.upload_and_develop("image/jpeg", pictures::jpeg(400, 240)?).await?;
    let id = id_of(&before)?;
    let new = pictures::png(240, 400)?;
    let replacement = user.replace(id, "image/png", new.len()).await?;
    let late = events::uploaded([(user.key(id).as_str(), "FFFFFFFFFFFFFFFFFF")])?;
    // While the new version is pending, and when it is ready.
    let pending = user.record(id).await?;
    stack.invoke("WorkersThumbnail", &late).await?.ok()?;
    assert_eq!(user.record(id).await?, pending);
    stack.put(&replacement.upload, new).await?.expect(200)?;
    let ready = user.developed(id).await?;
    stack.invoke("WorkersThumbnail", &late).await?.ok()?;
    assert_eq!(user.image(id).await?, ready);
    pictures::check_quadrants(&user.thumbnail(&ready, 200).await?.bytes, 120, 200)
}

#[tokio::test]
async fn a_replacement_that_never_comes_lapses_and_gives_its_bytes_back() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let old = pictures::jpeg(400, 240)?;
    let before = user.upload_and_develop("image/jpeg", old.clone()).await?;
    let id = id_of(&before)?;
    user.replace(id, "image/png", 5000).await?;
    assert_eq!(user.usage().await?, (1, old.len() as u64 + 5000));
    user.change_record(id, "SET replace_by = :past", json!({":past": 1})).await?;
    // From now on the API does not show it,
    let seen = user.image(id).await?;
    for same in ["status", "version", "width", "content_type", "size"] {
        assert_eq!(seen[same], before[same], "{same}");
    }
    // and the expiry of its record refunds the bytes once.
    let event = events::replacement_lapsed(&user, id).await?;
    for _ in 0..2 {
        stack.invoke("WorkersStream", &event).await?.ok()?;
        assert_eq!(user.usage().await?, (1, old.len() as u64));
    }
    assert_eq!(user.image(id).await?["version"], 1);
    // An upload that arrives now changes nothing. A further replacement has a new version number.
    let late = format!("{}/{id}/2", user.id);
    stack.aws.put_object(&stack.outputs.uploads_bucket, &late, pictures::png(64, 64)?).await?;
    tests::until("the late upload to be removed", async || {
        Ok((!user.objects(id).await?.0.contains(&late)).then_some(()))
    })
    .await?;
    assert_eq!(user.image(id).await?["version"], 1);
    assert_eq!(user.replace(id, "image/png", 10).await?.image["version"], 3);
    Ok(())
}

#[tokio::test]
async fn a_pending_upload_can_be_declared_anew() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/jpeg", 99).await?;
    let picture = pictures::png(64, 64)?;
    let again = user.replace(created.id(), "image/png", picture.len()).await?;
    assert_eq!(user.usage().await?, (1, picture.len() as u64));
    // An upload to the first address does not belong to this image anymore.
    stack.put(&created.upload, vec![0; 99]).await?.expect(200)?;
    stack.put(&again.upload, picture).await?.expect(200)?;
    let image = user.developed(created.id()).await?;
    assert_eq!((&image["status"], &image["version"]), (&json!("ready"), &json!(2)), "{image}");
    tests::until("the first upload to be removed", async || {
        Ok((user.objects(created.id()).await?.0.len() == 1).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_replacement_must_fit_the_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    let body = json!({"replace": {"content_type": "image/png", "size": 10_000_001}});
    user.patch(&path, &body).await?.problem(413, "file-too-large")?;
    assert_eq!(user.image(id_of(&image)?).await?["status"], "ready");
    Ok(())
}

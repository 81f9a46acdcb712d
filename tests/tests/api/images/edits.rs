//! `POST /api/images/{id}/edits`, and `edit_prompt` at create and update

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, id_of, pictures};

async fn ready(user: &User) -> Result<Value> {
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    Ok(image)
}

async fn ask(user: &User, id: &str, prompt: &str) -> Result<tests::Answer> {
    user.post(&format!("/api/images/{id}/edits"), &json!({"prompt": prompt})).await
}

/// The stand-in's picture: a green square.
async fn is_the_edit(user: &User, edit: &Value, source: &str, prompt: &str) -> Result<()> {
    assert_eq!(edit["status"], "ready", "{edit}");
    assert_eq!((&edit["source_image_id"], &edit["edit_prompt"]), (&json!(source), &json!(prompt)));
    assert_eq!((&edit["content_type"], &edit["width"]), (&json!("image/png"), &json!(64)));
    let thumbnail = image_of(&user.thumbnail(edit, 200).await?.bytes)?;
    assert_eq!(thumbnail.dimensions(), (64, 64));
    assert!(thumbnail.get_pixel(32, 32).0[1] > 130 && thumbnail.get_pixel(32, 32).0[0] < 40);
    Ok(())
}

fn image_of(bytes: &[u8]) -> Result<image::RgbImage> {
    Ok(image::load_from_memory(bytes)?.to_rgb8())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_is_a_new_image_with_thumbnails_of_its_own() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let source = ready(&user).await?;
    let id = id_of(&source)?;
    let plan = Plan::new()?;
    let edit = ask(&user, id, &plan.prompt()).await?.json(202)?["image"].take();
    assert_eq!((&edit["status"], &edit["source_image_id"]), (&json!("pending"), &json!(id)), "{edit}");
    assert_eq!(user.usage().await?.0, 2);

    let edit = user.developed(id_of(&edit)?).await?;
    is_the_edit(&user, &edit, id, &plan.prompt()).await?;
    let calls = plan.calls().await?;
    assert_eq!(calls.len(), 1);
    assert_eq!((&calls[0]["size"], &calls[0]["content_type"]), (&json!("1536x1024"), &json!("image/jpeg")));
    // It counts in the quota. Its source changes only in the reference to the edit.
    user.usage_becomes(2, source["size"].as_u64().unwrap() + edit["size"].as_u64().unwrap()).await?;
    let after = user.image(id).await?;
    assert_eq!((&after["edit_image_id"], &after["thumbnails"]), (&edit["id"], &source["thumbnails"]));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn with_an_edit_prompt_at_create_both_pictures_come() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (picture, plan) = (pictures::png(64, 64)?, Plan::new()?);
    let fields = json!({
        "file_name": "a", "content_type": "image/png", "size": picture.len(), "edit_prompt": plan.prompt(),
    });
    let created = user.create_with(fields).await?;
    let edit = created.image["edit_image_id"].as_str().unwrap();
    assert_eq!(user.usage().await?.0, 2);
    user.post_empty(&format!("/api/images/{edit}/upload")).await?.problem(409, "not-pending")?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    assert_eq!(user.developed(created.id()).await?["status"], "ready");
    is_the_edit(&user, &user.developed(edit).await?, created.id(), &plan.prompt()).await
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn with_an_edit_prompt_at_update_the_edit_begins_now_or_with_the_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let source = ready(&user).await?;
    let (id, plan) = (id_of(&source)?, Plan::new()?);
    let change = json!({"title": "A title", "edit_prompt": plan.prompt()});
    let image = user.patch(&format!("/api/images/{id}"), &change).await?.json(200)?;
    assert_eq!((&image["title"], &image["edit_prompt"]), (&json!("A title"), &json!(plan.prompt())));
    let edit = user.developed(image["edit_image_id"].as_str().unwrap()).await?;
    is_the_edit(&user, &edit, id, &plan.prompt()).await?;

    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    let path = format!("/api/images/{}", created.id());
    let image = user.patch(&path, &json!({"edit_prompt": plan.prompt()})).await?.json(200)?;
    user.patch(&path, &json!({"edit_prompt": "x"})).await?.problem(409, "image-changed")?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    let edit = user.developed(image["edit_image_id"].as_str().unwrap()).await?;
    is_the_edit(&user, &edit, created.id(), &plan.prompt()).await?;
    assert_eq!(plan.calls().await?.len(), 2);

    let both = json!({"edit_prompt": "x", "replace": {"content_type": "image/png", "size": 1}});
    let problem = user.patch(&path, &both).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "edit_prompt");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn the_edit_of_what_is_no_picture_fails_without_a_call() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let plan = Plan::new()?;
    let fields = json!({
        "file_name": "a", "content_type": "image/png", "size": 4, "edit_prompt": plan.prompt(),
    });
    let created = user.create_with(fields).await?;
    stack.put(&created.upload, b"text".to_vec()).await?.expect(200)?;
    let edit = user.developed(created.image["edit_image_id"].as_str().unwrap()).await?;
    assert_eq!((&edit["status"], &edit["failure"]["code"]), (&json!("failed"), &json!("no-picture")));
    assert_eq!(plan.calls().await?.len(), 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_that_waits_goes_with_its_source() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let fields = json!({"file_name": "a", "content_type": "image/png", "size": 9, "edit_prompt": "x"});
    let created = user.create_with(fields).await?;
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
    user.usage_becomes(0, 0).await
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_that_its_owner_replaced_stays_when_its_source_goes() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (picture, fields) = (
        pictures::png(64, 64)?,
        json!({"file_name": "a", "content_type": "image/png", "size": 9, "edit_prompt": "x"}),
    );
    let created = user.create_with(fields).await?;
    let edit = created.image["edit_image_id"].as_str().unwrap();
    let own = user.replace(edit, "image/png", picture.len()).await?;
    stack.put(&own.upload, picture.clone()).await?.expect(200)?;
    assert_eq!(user.developed(edit).await?["status"], "ready");
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
    // The source's place comes back after everything that belongs to it was deleted.
    user.usage_becomes(1, picture.len() as u64).await?;
    assert_eq!(user.image(edit).await?["status"], "ready");
    let (originals, thumbnails) = user.objects(edit).await?;
    assert!(!originals.is_empty() && !thumbnails.is_empty());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_needs_a_place_in_the_quota_and_a_tier_with_ai() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE.with("max_images", 1)).await?;
    let source = ready(&user).await?;
    let (id, plan) = (id_of(&source)?, Plan::new()?);
    ask(&user, id, &plan.prompt()).await?.problem(409, "quota-exceeded")?;
    let basic = stack.user().await?;
    let own = ready(&basic).await?;
    ask(&basic, id_of(&own)?, "x").await?.problem(403, "ai-not-in-tier")?;
    let problem = ask(&user, id, "").await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "prompt");
    ask(&user, "01JZ0000000000000000000000", "x").await?.problem(404, "not-found")?;
    assert_eq!((plan.calls().await?.len(), user.usage().await?.0), (0, 1));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn the_same_request_sent_again_makes_one_edit() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let source = ready(&user).await?;
    let plan = Plan::new()?;
    let (path, body) = (format!("/api/images/{}/edits", id_of(&source)?), json!({"prompt": plan.prompt()}));
    let first = user.post_once(&path, "k", &body).await?.json(202)?;
    let again = user.post_once(&path, "k", &body).await?.json(202)?;
    assert_eq!(again, first);
    user.developed(id_of(&first["image"])?).await?;
    assert_eq!((plan.calls().await?.len(), user.usage().await?.0), (1, 2));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_that_the_provider_refuses_fails_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let source = ready(&user).await?;
    let plan = Plan::new()?.answers(json!([{"status": 400, "code": "moderation_blocked"}])).await?;
    let edit = ask(&user, id_of(&source)?, &plan.prompt()).await?.json(202)?["image"].take();
    let edit = user.developed(id_of(&edit)?).await?;
    assert_eq!((&edit["status"], &edit["failure"]["code"]), (&json!("failed"), &json!("provider-refused")));
    assert_eq!(plan.calls().await?.len(), 1);
    Ok(())
}

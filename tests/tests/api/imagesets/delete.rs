//! `DELETE /api/imagesets/{id}`

use anyhow::Result;
use serde_json::json;
use tests::{Stack, Tier, events, id_of, pictures, until};

#[tokio::test]
async fn a_set_takes_its_pictures_along() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let set = user.create_set().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
    let pending = user.fill(&set, "image2", "image/png", 10).await?.json(201)?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    let id = id_of(&created["image"])?;
    user.developed(id).await?;
    let elsewhere = user.create("image/png", 7).await?;

    user.delete(&format!("/api/imagesets/{set}?permanent=true")).await?.expect(204)?;
    user.get(&format!("/api/imagesets/{set}")).await?.problem(404, "not-found")?;
    for id in [id, id_of(&pending["image"])?] {
        user.get(&format!("/api/images/{id}")).await?.problem(404, "not-found")?;
    }
    user.objects_vanish(id).await?;
    user.usage_becomes(1, 7).await?;
    user.get(&format!("/api/images/{}", elsewhere.id())).await?.expect(200)?;
    user.delete(&format!("/api/imagesets/{set}")).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn pictures_that_a_crash_left_over_follow_from_the_stream() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let left = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let event = events::set_removed(&user, &set).await?;
    // As if imagesets-delete had died after deleting the set and before deleting its images.
    let (table, pk) = (&stack.outputs.table, format!("USER#{}", user.id));
    stack.aws.delete_item(table, &pk, &format!("SET#{set}")).await?;
    stack.invoke("WorkersStream", &event).await?.ok()?;
    user.get(&format!("/api/images/{}", id_of(&left["image"])?)).await?.problem(404, "not-found")?;
    user.usage_becomes(0, 0).await
}

#[tokio::test]
async fn an_image_deleted_by_itself_frees_its_slot() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let first = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    user.fill(&set, "image1", "image/png", 10).await?.problem(409, "slot-taken")?;
    user.delete(&format!("/api/images/{}?permanent=true", id_of(&first["image"])?)).await?.expect(204)?;
    let second = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    // Late events of the first set do not affect the second.
    until("the first image to be reclaimed", async || Ok((user.usage().await? == (1, 10)).then_some(())))
        .await?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"]["id"], second["image"]["id"]);
    assert_eq!(shown["images"]["image2"], json!(null));
    Ok(())
}

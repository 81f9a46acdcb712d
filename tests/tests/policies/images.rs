//! The functions of images

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use serde_json::json;
use tests::{Stack, Tier, pictures};

use crate::{needs_all_it_may, new_image, opens_its_pictures, ready};

#[tokio::test]
async fn images_create() -> Result<()> {
    let stack = Stack::connect()?;
    let function = stack.resource("ImagesCreate").await?;
    let picture = pictures::png(64, 64)?;
    needs_all_it_may(&stack, "ImagesCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        user.post("/api/images", &new_image()).await?.expect(201)?;
        // A profile of an earlier version does not know how many uploads are pending.
        user.change_profile("REMOVE pending_uploads_at_most", json!({})).await?;
        let created = user.create("image/png", picture.len()).await?;
        stack.put(&created.upload, picture.clone()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_analysis() -> Result<()> {
    let stack = Stack::connect()?;
    needs_all_it_may(&stack, "ImagesAnalysis", async || {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let path = format!("/api/images/{}/analysis", ready(&user).await?);
        user.post(&path, &json!({})).await?.expect(202).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_edits() -> Result<()> {
    let stack = Stack::connect()?;
    needs_all_it_may(&stack, "ImagesEdits", async || {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let path = format!("/api/images/{}/edits", ready(&user).await?);
        user.post(&path, &json!({"prompt": "a hat"})).await?.expect(202).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_list() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    ready(&user).await?;
    needs_all_it_may(&stack, "ImagesList", async || {
        let page = user.get("/api/images").await?.json(200)?;
        opens_its_pictures(&stack, &page["images"][0]).await
    })
    .await
}

#[tokio::test]
async fn images_get() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    needs_all_it_may(&stack, "ImagesGet", async || opens_its_pictures(&stack, &user.image(&id).await?).await)
        .await
}

#[tokio::test]
async fn images_update() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let path = format!("/api/images/{id}");
    needs_all_it_may(&stack, "ImagesUpdate", async || {
        let image = user.patch(&path, &json!({"title": "x"})).await?.json(200)?;
        opens_its_pictures(&stack, &image).await?;
        let picture = pictures::png(32, 32)?;
        let replacement = user.replace(&id, "image/png", picture.len()).await?;
        stack.put(&replacement.upload, picture).await?.expect(200)?;
        user.developed(&id).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn images_links() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", ready(&user).await?);
    needs_all_it_may(&stack, "ImagesLinks", async || {
        user.change_profile("REMOVE links_at_most", json!({})).await?;
        let link = user.post(&path, &json!({"expires_in": 300})).await?.json(201)?;
        stack.fetch(link["url"].as_str().context("no url")?).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_status() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/images/{}/status", user.create("image/png", 10).await?.id());
    needs_all_it_may(&stack, "ImagesStatus", async || user.get(&path).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn images_upload() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    needs_all_it_may(&stack, "ImagesUpload", async || {
        let created = user.create("image/png", picture.len()).await?;
        let path = format!("/api/images/{}/upload", created.id());
        let upload = user.post_empty(&path).await?.json(200)?["upload"].take();
        stack.put(&upload, picture.clone()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_delete() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "ImagesDelete", async || {
        // The image is in a slot, which becomes free.
        let set = user.create_set().await?;
        let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
        let id = created["image"]["id"].as_str().context("no id")?;
        user.delete(&format!("/api/images/{id}")).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn images_thumbnail() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = ready(&user).await?;
    let size = AtomicU32::new(16);
    needs_all_it_may(&stack, "ImagesThumbnail", async || {
        let redirect = user.get(&format!("/api/images/{id}/thumbnail?size=200")).await?.expect(302)?;
        stack.fetch(redirect.header("location")).await?.expect(200)?;
        // Another function creates a size that the tier gained later.
        let size = size.fetch_add(1, Ordering::Relaxed);
        user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, size]})).await?;
        user.get(&format!("/api/images/{id}/thumbnail?size={size}")).await?.expect(302).map(drop)
    })
    .await
}

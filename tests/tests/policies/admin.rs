//! The admins' functions

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Stack, Tier, unique, until};

use crate::{needs_all_it_may, opens_its_pictures, ready};

/// An image of a user, as soon as admins find it.
async fn anyones(stack: &Stack) -> Result<String> {
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user_in(Tier::ENTERPRISE))?;
    let id = ready(&user).await?;
    let path = format!("/api/admin/images/{id}");
    until("the image to be found", async || {
        let image = admin.get(&path).await?;
        Ok((image.status == 200 && image.text().contains("\"ready\"")).then_some(()))
    })
    .await?;
    Ok(id)
}

fn rules() -> serde_json::Value {
    json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": 5, "ai": false,
    })
}

#[tokio::test]
async fn admin_images_list() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    anyones(&stack).await?;
    needs_all_it_may(&stack, "AdminImagesList", async || {
        let page = admin.get("/api/admin/images?status=ready").await?.json(200)?;
        opens_its_pictures(&stack, &page["images"][0]).await?;
        admin.get("/api/admin/images?phone_number=%2B4915123456789").await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_images_get() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let path = format!("/api/admin/images/{}", anyones(&stack).await?);
    needs_all_it_may(&stack, "AdminImagesGet", async || {
        opens_its_pictures(&stack, &admin.get(&path).await?.json(200)?).await
    })
    .await
}

#[tokio::test]
async fn admin_images_update() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let path = format!("/api/admin/images/{}", anyones(&stack).await?);
    needs_all_it_may(&stack, "AdminImagesUpdate", async || {
        opens_its_pictures(&stack, &admin.patch(&path, &json!({"title": "x"})).await?.json(200)?).await
    })
    .await
}

#[tokio::test]
async fn admin_images_delete() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    needs_all_it_may(&stack, "AdminImagesDelete", async || {
        // The image is in a slot, which becomes free.
        let set = user.create_set().await?;
        let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
        let id = created["image"]["id"].as_str().unwrap_or_default();
        let path = format!("/api/admin/images/{id}");
        until("the image to be found", async || Ok((admin.get(&path).await?.status == 200).then_some(())))
            .await?;
        admin.delete(&path).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_users_list() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    let function = stack.resource("AdminUsersList").await?;
    needs_all_it_may(&stack, "AdminUsersList", async || {
        // A fresh instance has to read the tier of new users.
        stack.aws.restart(&function).await?;
        admin.get("/api/admin/users").await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_users_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let path = format!("/api/admin/users/{}/tier", user.id);
    needs_all_it_may(&stack, "AdminUsersTier", async || {
        admin.put(&path, &json!({"tier": "premium"})).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_tiers_put() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminTiersPut", async || {
        admin.put("/api/admin/account-tiers/policy-put", &rules()).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn admin_tiers_delete() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    needs_all_it_may(&stack, "AdminTiersDelete", async || {
        let tier = unique("p");
        let path = format!("/api/admin/account-tiers/{tier}");
        admin.put(&path, &rules()).await?.expect(200)?;
        // A user who was in the tier today, so that the user's profile is read.
        let of_user = format!("/api/admin/users/{}/tier", user.id);
        for tier in [tier.as_str(), "basic"] {
            admin.put(&of_user, &json!({"tier": tier})).await?.expect(200)?;
        }
        let answer = admin.delete(&path).await?;
        ensure!(answer.status == 204, "{}", answer.text());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn admin_queues_list() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    needs_all_it_may(&stack, "AdminQueuesList", async || {
        admin.get("/api/admin/queues").await?.expect(200).map(drop)
    })
    .await
}

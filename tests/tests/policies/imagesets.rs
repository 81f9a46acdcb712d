//! The functions of image sets

use anyhow::Result;
use serde_json::json;
use tests::{Stack, Tier, id_of, pictures};

use crate::{needs_all_it_may, opens_its_pictures, ready, turn};

/// A set with a picture, and its user.
async fn set(stack: &Stack) -> Result<(tests::User, String)> {
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let set = user.create_set().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
    stack.put(&created["upload"], picture).await?.expect(200)?;
    user.developed(id_of(&created["image"])?).await?;
    Ok((user, set))
}

#[tokio::test]
async fn imagesets_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("ImagesetsCreate").await?;
    needs_all_it_may(&stack, "ImagesetsCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        user.create_set().await?;
        user.create_set().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn imagesets_list() -> Result<()> {
    let stack = turn().await?;
    let (user, _) = set(&stack).await?;
    needs_all_it_may(&stack, "ImagesetsList", async || {
        let page = user.get("/api/imagesets").await?.json(200)?;
        opens_its_pictures(&stack, &page["imagesets"][0]["images"]["image1"]).await
    })
    .await
}

#[tokio::test]
async fn imagesets_get() -> Result<()> {
    let stack = turn().await?;
    let (user, set) = set(&stack).await?;
    needs_all_it_may(&stack, "ImagesetsGet", async || {
        let set = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
        opens_its_pictures(&stack, &set["images"]["image1"]).await
    })
    .await
}

#[tokio::test]
async fn imagesets_update() -> Result<()> {
    let stack = turn().await?;
    let (user, set) = set(&stack).await?;
    needs_all_it_may(&stack, "ImagesetsUpdate", async || {
        let set = user.put(&format!("/api/imagesets/{set}"), &json!({"title": "x"})).await?.json(200)?;
        opens_its_pictures(&stack, &set["images"]["image1"]).await
    })
    .await
}

/// It shares its role with ImagesetsUpdate.
#[tokio::test]
async fn imagesets_patch() -> Result<()> {
    let stack = turn().await?;
    let (user, set) = set(&stack).await?;
    needs_all_it_may(&stack, "ImagesetsPatch", async || {
        let set = user.patch(&format!("/api/imagesets/{set}"), &json!({"title": "x"})).await?.json(200)?;
        opens_its_pictures(&stack, &set["images"]["image1"]).await
    })
    .await
}

#[tokio::test]
async fn imagesets_delete() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "ImagesetsDelete", async || {
        let sets = [user.create_set().await?, user.create_set().await?];
        user.delete(&format!("/api/imagesets/{}", sets[0])).await?.expect(204)?;
        // A profile of an earlier version does not know the number of sets.
        user.change_profile("REMOVE #sets", json!({})).await?;
        // One of its images moves to the trash, and the other one is there already.
        let path = format!("/api/imagesets/{}", sets[1]);
        let images = [ready(&user).await?, ready(&user).await?];
        for (slot, image) in ["image1", "image2"].iter().zip(&images) {
            user.put(&format!("{path}/images/{slot}"), &json!({"image_id": image})).await?.expect(200)?;
        }
        user.delete(&format!("/api/images/{}", images[1])).await?.expect(204)?;
        user.delete(&path).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn imagesets_images_put() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let body = json!({"image_id": id_of(&image)?});
    needs_all_it_may(&stack, "ImagesetsImagesPut", async || {
        // The image comes from another set, and the image that was in the slot before has expired.
        let (before, set) = tokio::try_join!(user.create_set(), user.create_set())?;
        user.put(&format!("/api/imagesets/{before}/images/image1"), &body).await?.expect(200)?;
        let expired = user.fill(&set, "image2", "image/png", 10).await?.json(201)?;
        user.change_record(id_of(&expired["image"])?, "SET expires_at = :past", json!({":past": 1})).await?;
        let set = user.put(&format!("/api/imagesets/{set}/images/image2"), &body).await?.json(200)?;
        opens_its_pictures(&stack, &set["images"]["image2"]).await
    })
    .await
}

#[tokio::test]
async fn imagesets_images_delete() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "ImagesetsImagesDelete", async || {
        let set = user.create_set().await?;
        user.fill(&set, "image1", "image/png", 10).await?.expect(201)?;
        user.delete(&format!("/api/imagesets/{set}/images/image1")).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn imagesets_images_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("ImagesetsImagesCreate").await?;
    let picture = pictures::png(64, 64)?;
    needs_all_it_may(&stack, "ImagesetsImagesCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        let set = user.create_set().await?;
        // A profile of an earlier version does not know how many uploads are pending.
        user.change_profile("REMOVE pending_uploads_at_most", json!({})).await?;
        let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
        stack.put(&created["upload"], picture.clone()).await?.expect(200)?;
        // A slot whose image has expired is checked before it is filled again.
        let expired = user.fill(&set, "image2", "image/png", 10).await?.json(201)?;
        user.change_record(id_of(&expired["image"])?, "SET expires_at = :past", json!({":past": 1})).await?;
        user.fill(&set, "image2", "image/png", 10).await?.expect(201).map(drop)
    })
    .await
}

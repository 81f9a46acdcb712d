//! `DELETE /api/images/{id}`

use anyhow::Result;
use tests::{Stack, Tier, id_of, pictures};

#[tokio::test]
async fn a_deleted_image_is_gone_and_its_objects_and_its_place_follow() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let id = id_of(&image)?;
    let (originals, derivatives) = user.objects(id).await?;
    assert_eq!((originals.len(), derivatives.len()), (1, 3));

    let path = format!("/api/images/{id}");
    user.delete(&path).await?.expect(204)?;
    user.get(&path).await?.problem(404, "not-found")?;
    user.delete(&path).await?.problem(404, "not-found")?;
    user.objects_vanish(id).await?;
    user.usage_becomes(0, 0).await?;
    stack.fetch(image["thumbnails"][0]["url"].as_str().unwrap()).await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn an_image_can_go_before_it_was_uploaded() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let created = user.create("image/png", 10).await?;
    user.delete(&format!("/api/images/{}", created.id())).await?.expect(204)?;
    user.usage_becomes(0, 0).await?;
    // The user can create another image.
    user.create("image/png", 10).await?;
    Ok(())
}

#[tokio::test]
async fn an_upload_that_comes_after_its_image_was_deleted_leaves_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    user.delete(&format!("/api/images/{}", created.id())).await?.expect(204)?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.objects_vanish(created.id()).await?;
    assert_eq!(user.record(created.id()).await?, None);
    Ok(())
}

//! `DELETE /api/images/{id}`

use anyhow::{Context, Result, bail};
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
    let permanently = format!("{path}?permanent=true");
    user.delete(&permanently).await?.expect(204)?;
    user.get(&path).await?.problem(404, "not-found")?;
    user.delete(&permanently).await?.problem(404, "not-found")?;
    user.objects_vanish(id).await?;
    user.usage_becomes(0, 0).await?;
    stack.fetch(image["thumbnails"][0]["url"].as_str().unwrap()).await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn until_its_versions_expire_an_operator_can_bring_a_deleted_file_back() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let image = user.upload_and_develop("image/png", picture.clone()).await?;
    let id = id_of(&image)?;
    let (originals, derivatives) = user.objects(id).await?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.objects_vanish(id).await?;
    user.usage_becomes(0, 0).await?;
    let (uploads, derived) = (&stack.outputs.uploads_bucket, &stack.outputs.derived_bucket);
    for (bucket, keys) in [(uploads, originals), (derived, derivatives)] {
        let key = keys.first().context("no object")?;
        assert!(stack.aws.object(bucket, key).await?.is_none());
        let versions = stack.aws.versions(bucket, key).await?;
        let [(marker, true), (version, false)] = versions.as_slice() else {
            bail!("not a delete marker and a version: {versions:?}")
        };
        stack.aws.delete_version(bucket, key, marker).await?;
        let restored = stack.aws.object(bucket, key).await?.context("not restored")?;
        assert!(bucket != uploads || restored.bytes == picture);
        // No event follows, so the file stays until somebody deletes it.
        stack.aws.delete_version(bucket, key, version).await?;
    }
    assert_eq!(user.record(id).await?, None);
    Ok(())
}

#[tokio::test]
async fn an_image_can_go_before_it_was_uploaded() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let created = user.create("image/png", 10).await?;
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
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
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.objects_vanish(created.id()).await?;
    assert_eq!(user.record(created.id()).await?, None);
    Ok(())
}

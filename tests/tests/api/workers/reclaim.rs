//! `workers-reclaim`: whatever belonged to an image that went, by its owner or by the table's TTL

use anyhow::Result;
use serde_json::json;
use tests::{Stack, Tier, events, id_of, pictures};

#[tokio::test]
async fn what_was_never_uploaded_gives_its_place_back_when_it_expires() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let created = user.create("image/png", 1000).await?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1});
    user.post("/api/images", &body).await?.problem(409, "quota-exceeded")?;

    // The table removes it, and its stream says so, as "DynamoDB Streams and Time to Live" in the Amazon DynamoDB
    // Developer Guide has it.
    user.change_record(created.id(), "SET expires_at = :past", json!({":past": 1})).await?;
    user.usage_becomes(0, 0).await?;
    user.post("/api/images", &body).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn an_image_that_expired_takes_its_objects_and_counters_along() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(300, 300)?).await?;
    let stays = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let event = events::expired(&user, id).await?;
    // As the table removes it; the stream tells of that too.
    user.remove_record(id).await?;
    stack.invoke("WorkersReclaim", &event).await?.ok()?;
    user.objects_vanish(id).await?;
    user.usage_becomes(1, stays["size"].as_u64().unwrap()).await?;
    let (originals, derivatives) = user.objects(id_of(&stays)?).await?;
    assert_eq!((originals.len(), derivatives.len()), (1, 3));
    Ok(())
}

#[tokio::test]
async fn a_place_comes_back_once_however_often_the_event_does() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 1000).await?;
    user.create("image/png", 234).await?;
    let event = events::removed(&user, created.id()).await?;
    user.delete(&format!("/api/images/{}", created.id())).await?.expect(204)?;
    let again = || async { stack.invoke("WorkersReclaim", &event).await?.ok() };
    tokio::try_join!(again(), again(), again())?;
    user.usage_becomes(1, 234).await?;
    again().await?;
    assert_eq!(user.usage().await?, (1, 234));
    Ok(())
}

#[tokio::test]
async fn changes_that_remove_no_image_have_no_effect() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let mut modified = events::removed(&user, id).await?;
    modified["Records"][0]["eventName"] = json!("MODIFY");
    let mut profile = events::removed(&user, id).await?;
    profile["Records"][0]["dynamodb"]["Keys"]["sk"] = json!({"S": "PROFILE"});
    for event in [modified, profile] {
        stack.invoke("WorkersReclaim", &event).await?.ok()?;
    }
    assert_eq!(user.image(id).await?, image);
    assert_eq!(user.usage().await?.0, 1);
    assert_eq!(user.objects(id).await?.1.len(), 1);
    Ok(())
}

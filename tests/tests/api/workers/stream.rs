//! `workers-stream`: the clean-up after images that were deleted or have expired

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, events, id_of, pictures};

#[tokio::test]
async fn what_was_never_uploaded_gives_its_place_back_when_it_expires() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let created = user.create("image/png", 1000).await?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1});
    user.post("/api/images", &body).await?.problem(409, "quota-exceeded")?;

    // The TTL deletes the item, and the function receives the stream's record.
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
    let expired = events::expired(&user, id).await?;
    // The emulator's TTL leaves no record in the stream. This is the one that AWS documents (Amazon DynamoDB Developer
    // Guide, "Working with expired items").
    let identity = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    assert_eq!(expired["Records"][0]["userIdentity"], identity);
    assert_eq!(expired["Records"][0]["eventName"], "REMOVE");

    // The item still exists, so the stream sends nothing. Only this event causes the clean-up.
    stack.invoke("WorkersStream", &expired).await?.ok()?;
    let size = |image: &Value| image["size"].as_u64().context("no size");
    assert_eq!(user.usage().await?, (1, size(&stays)?));
    assert_eq!(user.objects(id).await?, (Vec::new(), Vec::new()));

    // The stream reports the owner's deletion. The quota is not refunded twice.
    user.remove_record(id).await?;
    user.delete(&format!("/api/images/{}?permanent=true", id_of(&stays)?)).await?.expect(204)?;
    user.objects_vanish(id_of(&stays)?).await?;
    user.usage_becomes(0, 0).await
}

/// Whether a record passes a filter, as far as ours go (AWS Lambda Developer Guide, "Filter rule syntax"): each leaf is
/// a list of values and prefixes, one of which has to fit.
fn passes(record: &Value, pattern: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| passes(&record[name], pattern)),
        Value::Array(rules) => rules.iter().any(|rule| match rule["prefix"].as_str() {
            Some(prefix) => record.as_str().is_some_and(|text| text.starts_with(prefix)),
            None => record == rule,
        }),
        _ => false,
    }
}

#[tokio::test]
async fn the_streams_filter_lets_through_what_owners_and_the_ttl_remove() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let sources = stack.aws.event_sources(&stack.resource("WorkersStream").await?).await?;
    let filters = sources["EventSourceMappings"][0]["FilterCriteria"]["Filters"].as_array();
    let patterns = filters.context("no filters")?.iter().map(|filter| {
        serde_json::from_str::<Value>(filter["Pattern"].as_str().unwrap_or_default()).context("no pattern")
    });
    let patterns = patterns.collect::<Result<Vec<_>>>()?;
    let removed = events::removed(&user, created.id()).await?;
    let expired = events::expired(&user, created.id()).await?;
    for event in [&removed, &expired] {
        let record = &event["Records"][0];
        assert!(patterns.iter().any(|pattern| passes(record, pattern)), "{record}");
    }
    // The function must not receive changes.
    let mut modified = removed;
    modified["Records"][0]["eventName"] = json!("MODIFY");
    assert!(!patterns.iter().any(|pattern| passes(&modified["Records"][0], pattern)));
    Ok(())
}

#[tokio::test]
async fn a_place_comes_back_once_however_often_the_event_does() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 1000).await?;
    user.create("image/png", 234).await?;
    let event = events::removed(&user, created.id()).await?;
    user.delete(&format!("/api/images/{}?permanent=true", created.id())).await?.expect(204)?;
    let again = || async { stack.invoke("WorkersStream", &event).await?.ok() };
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
        stack.invoke("WorkersStream", &event).await?.ok()?;
    }
    assert_eq!(user.image(id).await?, image);
    assert_eq!(user.usage().await?.0, 1);
    assert_eq!(user.objects(id).await?.1.len(), 1);
    Ok(())
}

//! `workers-upload-failed`: the events for which all retries of `workers-thumbnail` failed

use anyhow::{Context, Result};
use serde_json::json;
use tests::{Stack, User, events, id_of, pictures};

/// The event of an upload for which S3 sent no event.
fn event_of(user: &User, id: &str) -> Result<serde_json::Value> {
    events::uploaded([(user.key(id).as_str(), "A1")])
}

#[tokio::test]
async fn when_all_retries_are_used_up_the_owner_sees_failed() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let queue = stack.resource("ThumbnailFailures").await?;
    stack.aws.send_message(&queue, &events::given_up(&event_of(&user, created.id())?)).await?;
    let image = user.developed(created.id()).await?;
    assert_eq!(
        (&image["status"], &image["failure"]["code"]),
        (&json!("failed"), &json!("processing-failed"))
    );
    assert!(image["failure"]["detail"].is_string(), "{image}");
    Ok(())
}

#[tokio::test]
async fn an_event_that_was_given_up_does_not_undo_a_later_success() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let record = user.record(id).await?.context("no record")?;
    let same_event = events::uploaded([(user.key(id).as_str(), record["sequencer"].as_str().unwrap())])?;
    for event in [event_of(&user, id)?, same_event] {
        let answer = stack
            .invoke("WorkersUploadFailed", &events::messages([("m", events::given_up(&event).to_string())]))
            .await?;
        assert_eq!(answer.ok()?, json!({"batchItemFailures": []}));
        assert_eq!(user.image(id).await?, image);
    }
    Ok(())
}

#[tokio::test]
async fn of_a_batch_only_the_poison_message_comes_back() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (first, last) = (user.create("image/png", 10).await?, user.create("image/png", 10).await?);
    let given_up = |id: &str| anyhow::Ok(events::given_up(&event_of(&user, id)?).to_string());
    let batch = events::messages([
        ("first", given_up(first.id())?),
        ("poison", "not JSON".to_owned()),
        ("last", given_up(last.id())?),
    ]);
    let answer = stack.invoke("WorkersUploadFailed", &batch).await?.ok()?;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "poison"}]}));
    for created in [first, last] {
        assert_eq!(user.image(created.id()).await?["status"], "failed");
    }
    Ok(())
}

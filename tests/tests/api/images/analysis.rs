//! `POST /api/images/{id}/analysis`, and `analyze` at create

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, id_of, pictures};

async fn ready(user: &User) -> Result<String> {
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(1600, 1200)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    Ok(id_of(&image)?.to_owned())
}

async fn ask(user: &User, id: &str, prompt: &str) -> Result<tests::Answer> {
    user.post(&format!("/api/images/{id}/analysis"), &json!({"prompt": prompt})).await
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn what_a_model_says_of_a_picture_is_on_the_image() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let plan = Plan::new()?;
    let accepted = ask(&user, &id, &plan.prompt()).await?.json(202)?;
    assert_eq!(accepted["image"]["analysis"]["status"], "queued", "{accepted}");
    assert_eq!(accepted["image"]["id"], json!(id));

    let mut analysis = user.analysed(&id).await?["analysis"].take();
    assert!(analysis["completed_at"].take().is_string(), "{analysis}");
    let expected = json!({
        "status": "done",
        "prompt": plan.prompt(),
        "description": "Four coloured squares.",
        "tags": ["red", "green", "blue"],
        "answer": "Four.",
        "model": "gpt-5-mini-2026",
        "completed_at": Value::Null,
        "failure": Value::Null,
    });
    assert_eq!(analysis, expected);
    // The model saw the largest thumbnail, not the original.
    let calls = plan.calls().await?;
    let (_, derivatives) = user.objects(&id).await?;
    let largest = derivatives.iter().find(|key| key.ends_with("/1200.jpg")).unwrap();
    let largest = stack.aws.object(&stack.outputs.derived_bucket, largest).await?.unwrap();
    assert_eq!((calls.len(), &calls[0]["bytes"]), (1, &json!(largest.bytes.len())));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn what_was_said_of_a_picture_goes_with_it_when_it_is_replaced() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    ask(&user, &id, &Plan::new()?.prompt()).await?.expect(202)?;
    let described = user.analysed(&id).await?["analysis"].take();
    let picture = pictures::png(64, 64)?;
    let replacement = user.replace(&id, "image/png", picture.len()).await?;
    // The API still serves the old picture and its analysis.
    assert_eq!(user.image(&id).await?["analysis"], described);
    stack.put(&replacement.upload, picture).await?.expect(200)?;
    assert_eq!(user.developed(&id).await?["analysis"], Value::Null);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn with_analyze_at_create_it_begins_when_the_picture_is_there() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let picture = pictures::png(64, 64)?;
    let fields =
        json!({"file_name": "a", "content_type": "image/png", "size": picture.len(), "analyze": true});
    let created = user.create_with(fields).await?;
    assert_eq!(created.image["analysis"]["status"], "queued");
    stack.put(&created.upload, picture).await?.expect(200)?;
    let image = user.analysed(created.id()).await?;
    assert_eq!(
        (&image["status"], &image["analysis"]["status"]),
        (&json!("ready"), &json!("done")),
        "{image}"
    );
    assert_eq!(image["analysis"]["answer"], Value::Null);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn of_what_is_no_picture_the_analysis_fails() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let fields = json!({"file_name": "a", "content_type": "image/png", "size": 4, "analyze": true});
    let created = user.create_with(fields).await?;
    stack.put(&created.upload, b"text".to_vec()).await?.expect(200)?;
    let image = user.analysed(created.id()).await?;
    assert_eq!((&image["status"], &image["analysis"]["status"]), (&json!("failed"), &json!("failed")));
    assert_eq!(image["analysis"]["failure"]["code"], "no-picture");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn another_analysis_can_be_asked_for_once_the_first_has_ended() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let plan = Plan::new()?.answers(json!([{"seconds": 2}])).await?;
    ask(&user, &id, &plan.prompt()).await?.expect(202)?;
    ask(&user, &id, &plan.prompt()).await?.problem(409, "analysis-under-way")?;
    user.analysed(&id).await?;
    ask(&user, &id, &plan.prompt()).await?.expect(202)?;
    user.analysed(&id).await?;
    assert_eq!(plan.calls().await?.len(), 2);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn the_same_request_sent_again_is_paid_for_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = ready(&user).await?;
    let plan = Plan::new()?;
    let (path, body) = (format!("/api/images/{id}/analysis"), json!({"prompt": plan.prompt()}));
    let first = user.post_once(&path, "k", &body).await?.json(202)?;
    user.analysed(&id).await?;
    assert_eq!(user.post_once(&path, "k", &body).await?.json(202)?, first);
    user.post_once(&path, "k", &json!({"prompt": "x"})).await?.problem(422, "idempotency-key-reused")?;
    assert_eq!(user.analysed(&id).await?["analysis"]["prompt"], json!(plan.prompt()));
    assert_eq!(plan.calls().await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn who_may_not_or_asks_for_what_is_not_there_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, basic) = (stack.user_in(Tier::ENTERPRISE).await?, stack.user().await?);
    let id = ready(&user).await?;
    let problem = ask(&user, &id, &"x".repeat(2001)).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "prompt");
    ask(&basic, &id, "x").await?.problem(404, "not-found")?;
    let pending = user.create("image/png", 10).await?;
    ask(&user, pending.id(), "x").await?.problem(409, "image-not-ready")?;
    let own = ready(&basic).await?;
    ask(&basic, &own, "x").await?.problem(403, "ai-not-in-tier")?;
    let wish = json!({"file_name": "a", "content_type": "image/png", "size": 1, "analyze": true});
    basic.post("/api/images", &wish).await?.problem(403, "ai-not-in-tier")?;
    assert_eq!(basic.image(&own).await?["analysis"], Value::Null);
    Ok(())
}

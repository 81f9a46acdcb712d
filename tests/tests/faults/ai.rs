//! Deployments with other settings of AI

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Plan, Stack, Tier, id_of, pictures};

use crate::{TURN, astray};

#[tokio::test]
async fn without_a_provider_requests_for_ai_are_refused_before_anything_is_written() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}", id_of(&image)?);
    let set = user.create_set().await?;
    let wish = |name: &str, value: serde_json::Value| json!({"file_name": "a", "content_type": "image/png", "size": 1, name: value});
    let mut in_set = wish("analyze", json!(true));
    in_set["image_type"] = json!("image1");
    for (function, path, body) in [
        ("ImagesCreate", "/api/images".to_owned(), wish("analyze", json!(true))),
        ("ImagesCreate", "/api/images".to_owned(), wish("edit_prompt", json!("a hat"))),
        ("ImagesetsImagesCreate", format!("/api/imagesets/{set}/images"), in_set),
        ("ImagesAnalysis", format!("{path}/analysis"), json!({})),
        ("ImagesEdits", format!("{path}/edits"), json!({"prompt": "a hat"})),
    ] {
        astray(&stack, function, ("AI_SECRET", ""), async || {
            user.post(&path, &body).await?.problem(501, "ai-not-configured")
        })
        .await?;
    }
    astray(&stack, "ImagesUpdate", ("AI_SECRET", ""), async || {
        user.patch(&path, &json!({"edit_prompt": "a hat"})).await?.problem(501, "ai-not-configured")
    })
    .await?;
    astray(&stack, "AuthProfile", ("AI_SECRET", ""), async || {
        let profile = user.get("/api/auth/profile").await?.json(200)?;
        ensure!(profile["features"]["ai"] == false, "{profile}");
        Ok(())
    })
    .await?;
    assert_eq!((user.image(id_of(&image)?).await?, user.usage().await?.0), (image, 1));
    Ok(())
}

#[tokio::test]
async fn the_prompt_of_the_deployment_is_used_for_an_edit_without_one() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/edits", id_of(&image)?);
    let refused = user.post(&path, &json!({})).await?.problem(400, "invalid-field")?;
    assert_eq!(refused["field"], "prompt");
    let edit = astray(&stack, "ImagesEdits", ("DEFAULT_EDIT_PROMPT", &plan.prompt()), async || {
        user.post(&path, &json!({})).await?.json(202)
    })
    .await?;
    assert_eq!(edit["image"]["edit_prompt"], plan.prompt());
    let edit = user.developed(id_of(&edit["image"])?).await?;
    assert_eq!((&edit["status"], plan.calls().await?.len()), (&json!("ready"), 1));
    Ok(())
}

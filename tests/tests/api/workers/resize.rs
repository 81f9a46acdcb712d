//! `workers-resize`: sizes that did not exist when the picture was processed

use anyhow::Result;
use serde_json::json;
use tests::{Stack, id_of, pictures};

#[tokio::test]
async fn a_picture_replaced_meanwhile_gains_nothing_and_nothing_is_left_behind() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    user.change_record(id, "SET picture.version = :other", json!({":other": 2})).await?;
    let before = user.record(id).await?;
    stack.invoke("WorkersResize", &json!({"original": user.key(id), "sizes": [32]})).await?.ok()?;
    assert_eq!(user.record(id).await?, before);
    user.objects_vanish(id).await
}

#[tokio::test]
async fn an_original_that_is_gone_is_said_to_be() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let order = json!({"original": user.key("01JZ0000000000000000000000"), "sizes": [32]});
    let answer = stack.invoke("WorkersResize", &order).await?.ok()?;
    assert_eq!(answer["failure"]["code"], "upload-missing", "{answer}");
    Ok(())
}

//! Calls to AWS whose response is late, lost or final.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Plan, Stack, Tier, User, id_of, pictures, until};

use crate::{
    COGNITO, DYNAMODB, PATIENCE, TURN, astray, image, new_image,
    proxy::{Fault, Proxy},
};

/// Analyses a picture while the first `operation` of `workers-analyze` has a fault. The model must be called once.
async fn analysed_once(user: &User, operation: &'static str, fault: Fault) -> Result<Proxy> {
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let plan = Plan::new()?;
    let proxy = Proxy::start(&user.stack.outputs.endpoint_url, operation, fault, 1).await?;
    astray(&user.stack, "WorkersAnalyze", (DYNAMODB, &proxy.address), async || {
        let ask = json!({"prompt": plan.prompt()});
        user.post(&format!("/api/images/{id}/analysis"), &ask).await?.expect(202)?;
        let analysed = user.analysed(id).await?;
        ensure!(analysed["analysis"]["status"] == "done", "{operation}: {analysed}");
        // The result may be visible before the worker asks again.
        until("the second call", async || Ok((proxy.calls() == 2).then_some(()))).await
    })
    .await?;
    ensure!(plan.calls().await?.len() == 1, "{operation}: the model was called again");
    Ok(proxy)
}

#[tokio::test]
async fn one_silent_connection_is_tried_again_and_answered() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let status = format!("{}/status", image(&user).await?);
    let login = json!({"username": user.username, "password": user.password});
    let silent =
        async |operation| Proxy::start(&stack.outputs.endpoint_url, operation, Fault::Silence, 1).await;

    let proxy = silent("GetItem").await?;
    astray(&stack, "ImagesStatus", (DYNAMODB, &proxy.address), async || {
        let start = Instant::now();
        user.get(&status).await?.expect(200)?;
        ensure!(start.elapsed() < PATIENCE);
        Ok(())
    })
    .await?;
    assert_eq!(proxy.calls(), 2);

    let proxy = silent("TransactWriteItems").await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        user.post("/api/images", &new_image()).await?.expect(201)
    })
    .await?;
    assert_eq!((proxy.calls(), user.usage().await?), (2, (2, 20)));

    let proxy = silent("InitiateAuth").await?;
    astray(&stack, "AuthLogin", (COGNITO, &proxy.address), async || {
        stack.post("/api/auth/login", &login).await?.expect(200)
    })
    .await?;
    assert_eq!(proxy.calls(), 2);
    Ok(())
}

#[tokio::test]
async fn a_transaction_whose_response_was_lost_is_written_once_and_answered() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    image(&user).await?;
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", Fault::Lost, 1).await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        user.post("/api/images", &new_image()).await?.expect(201)
    })
    .await?;
    assert_eq!((proxy.calls(), proxy.forwarded().len()), (2, 1));
    assert_eq!(user.usage().await?, (2, 20));
    Ok(())
}

#[tokio::test]
async fn a_deletion_whose_response_was_lost_is_answered_as_done() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for query in ["", "?permanent=true"] {
        let path = image(&user).await?;
        let proxy = Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", Fault::Lost, 1).await?;
        astray(&stack, "ImagesDelete", (DYNAMODB, &proxy.address), async || {
            user.delete(&format!("{path}{query}")).await?.expect(204)
        })
        .await?;
        assert_eq!((proxy.calls(), proxy.forwarded().len()), (2, 1));
        user.get(&path).await?.problem(404, "not-found")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_job_is_done_once_although_a_response_about_it_was_lost() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    // The claim. Nobody else may claim the job for two minutes, so its worker has to recognise its own claim.
    analysed_once(&user, "UpdateItem", Fault::Lost).await?;
    // The result.
    let proxy = analysed_once(&user, "TransactWriteItems", Fault::Lost).await?;
    assert_eq!(proxy.forwarded().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_aws_will_never_accept_is_an_internal_error_and_not_tried_again() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = image(&user).await?;
    let refused = async |operation, fault| {
        Proxy::start(&stack.outputs.endpoint_url, operation, fault, usize::MAX).await
    };
    let proxy = refused("TransactWriteItems", Fault::TRANSACTION_INVALID).await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        user.post("/api/images", &new_image()).await?.problem(500, "internal")
    })
    .await?;
    assert_eq!((proxy.calls(), user.usage().await?), (1, (1, 10)));
    let proxy = refused("GetItem", Fault::INVALID).await?;
    astray(&stack, "ImagesStatus", (DYNAMODB, &proxy.address), async || {
        user.get(&format!("{path}/status")).await?.problem(500, "internal")
    })
    .await?;
    assert_eq!(proxy.calls(), 1);
    Ok(())
}

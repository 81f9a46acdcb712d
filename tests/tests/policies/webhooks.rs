//! The functions of webhooks

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Receiver, Stack, User, id_of, until};

use crate::{needs_all_it_may, turn};

const PATH: &str = "/api/webhooks";

async fn create(user: &User, url: &str) -> Result<String> {
    let created = user.post(PATH, &json!({"url": url})).await?.json(201)?;
    Ok(id_of(&created)?.to_owned())
}

#[tokio::test]
async fn webhooks_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("WebhooksCreate").await?;
    needs_all_it_may(&stack, "WebhooksCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        create(&stack.user().await?, "http://127.0.0.1:9/").await.map(drop)
    })
    .await
}

/// The three functions that share a role.
async fn read(user: &User) -> Result<()> {
    let id = create(user, "http://127.0.0.1:9/").await?;
    user.get(PATH).await?.expect(200)?;
    user.get(&format!("{PATH}/{id}")).await?.expect(200)?;
    user.get(&format!("{PATH}/{id}/deliveries")).await?.expect(200)?;
    user.delete(&format!("{PATH}/{id}")).await?.expect(204).map(drop)
}

#[tokio::test]
async fn webhooks_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WebhooksList", async || read(&user).await).await
}

#[tokio::test]
async fn webhooks_get() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WebhooksGet", async || read(&user).await).await
}

#[tokio::test]
async fn webhooks_deliveries() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WebhooksDeliveries", async || read(&user).await).await
}

#[tokio::test]
async fn webhooks_update() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let path = format!("{PATH}/{}", create(&user, "http://127.0.0.1:9/").await?);
    needs_all_it_may(&stack, "WebhooksUpdate", async || {
        user.patch(&path, &json!({"description": "x"})).await?.expect(200).map(drop)
    })
    .await
}

#[tokio::test]
async fn webhooks_delete() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WebhooksDelete", async || {
        let user = stack.user().await?;
        let id = create(&user, "http://127.0.0.1:9/").await?;
        user.delete(&format!("{PATH}/{id}")).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn webhooks_rotate() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    let path = format!("{PATH}/{}/rotate", create(&user, "http://127.0.0.1:9/").await?);
    needs_all_it_may(&stack, "WebhooksRotate", async || user.post_empty(&path).await?.expect(200).map(drop))
        .await
}

/// The two functions that share a role: a test, and its repetition.
async fn deliver(stack: &Stack) -> Result<()> {
    let (user, receiver) = (stack.user().await?, Receiver::start([204]).await?);
    let path = format!("{PATH}/{}", create(&user, &receiver.url).await?);
    let delivery = user.post_empty(&format!("{path}/test")).await?.json(202)?;
    let path = format!("{path}/deliveries");
    until("the test", async || {
        let page: Value = user.get(&path).await?.json(200)?;
        Ok((page["deliveries"][0]["status"] == "delivered").then_some(()))
    })
    .await?;
    user.post_empty(&format!("{path}/{}/redeliver", id_of(&delivery)?)).await?.expect(202).map(drop)
}

#[tokio::test]
async fn webhooks_test() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WebhooksTest", async || deliver(&stack).await).await
}

#[tokio::test]
async fn webhooks_redeliver() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WebhooksRedeliver", async || deliver(&stack).await).await
}

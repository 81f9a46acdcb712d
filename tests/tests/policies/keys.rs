//! The functions of API keys

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{User, id_of};

use crate::{needs_all_it_may, turn};

const PATH: &str = "/api/keys";

async fn create(user: &User) -> Result<Value> {
    let body = json!({"name": "a", "scopes": ["images:read"], "password": user.password});
    user.post(PATH, &body).await?.json(201)
}

#[tokio::test]
async fn keys_create() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("KeysCreate").await?;
    needs_all_it_may(&stack, "KeysCreate", async || {
        // A fresh instance has to read the tier of new users, and a new user needs a profile.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        create(&user).await?;
        // The keys must be counted again.
        let (pk, table) = (format!("USER#{}", user.id), &stack.outputs.table);
        stack.aws.update_item(table, (&pk, "APIKEYS"), "SET api_keys = :all", &json!({":all": 20})).await?;
        create(&user).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn keys_list() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "KeysList", async || user.get(PATH).await?.expect(200).map(drop)).await
}

#[tokio::test]
async fn keys_delete() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "KeysDelete", async || {
        let user = stack.user().await?;
        let id = create(&user).await?;
        user.delete(&format!("{PATH}/{}", id_of(&id)?)).await?.expect(204).map(drop)
    })
    .await
}

#[tokio::test]
async fn keys_authorizer() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "KeysAuthorizer", async || {
        let user = stack.user().await?;
        let key = create(&user).await?;
        // The gateway would cache the result.
        let answer = stack.invoke("KeysAuthorizer", &json!({"identitySource": [key["key"]]})).await?.ok()?;
        ensure!(answer["context"]["credential"] == "key", "{answer}");
        Ok(())
    })
    .await
}

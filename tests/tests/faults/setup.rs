//! The default tiers of a deployment, and users without a tier

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{ResponseUrl, Stack, events, unique, until};

use crate::{
    DYNAMODB, TURN, astray, new_image, nobody,
    proxy::{Fault, Proxy},
};

/// A default tier's item in the table.
async fn tier(stack: &Stack, id: &str) -> Result<Option<Value>> {
    stack.aws.item(&stack.outputs.table, "TIER", &format!("TIER#{id}")).await
}

/// A template that contains only the custom resource with these tiers.
fn template(function: &Value, tiers: &[&str]) -> String {
    let properties = json!({"ServiceToken": function, "ServiceTimeout": 30, "Tiers": tiers});
    let resource = json!({"Type": "Custom::DefaultTiers", "Properties": properties});
    json!({"Resources": {"DefaultTiers": resource}}).to_string()
}

async fn becomes(stack: &Stack, name: &str, expected: &str) -> Result<()> {
    until(expected, async || {
        let status = stack.aws.stack_status(name).await?;
        ensure!(!status.contains("FAILED") && !status.contains("ROLLBACK"), "the stack is {status}");
        Ok((status == expected).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_deployment_neither_undoes_a_change_nor_brings_back_a_tier_that_was_deleted() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (aws, table) = (&stack.aws, &stack.outputs.table);
    let before = (
        tier(&stack, "premium").await?.context("no tier premium")?,
        tier(&stack, "enterprise").await?.context("no tier enterprise")?,
    );
    let function = aws.function(&stack.resource("WorkersSetup").await?).await?["FunctionArn"].take();
    let outcome = async {
        // As an admin does.
        aws.delete_item(table, "TIER", "TIER#premium").await?;
        let mut changed = before.1.clone();
        changed["max_images"] = json!(12);
        aws.put_item(table, &changed).await?;

        let name = unique("setup");
        let all = ["basic", "premium", "enterprise"];
        aws.change_stack("CreateStack", &name, &template(&function, &all)).await?;
        becomes(&stack, &name, "CREATE_COMPLETE").await?;
        let resource = aws.physical_id(&name, "DefaultTiers").await?;
        ensure!(tier(&stack, "premium").await?.is_none(), "the tier came back with a new stack");

        aws.change_stack("UpdateStack", &name, &template(&function, &["premium"])).await?;
        becomes(&stack, &name, "UPDATE_COMPLETE").await?;
        ensure!(tier(&stack, "premium").await?.is_none(), "the tier came back with an update");

        // Nobody can have deleted a tier that the template lists for the first time.
        aws.change_stack("UpdateStack", &name, &template(&function, &["enterprise"])).await?;
        until("the second update", async || {
            let lines = aws.log_lines(&stack.resource("WorkersLogs").await?, "Enterprise").await?;
            Ok(lines.iter().any(|line| line.contains("default tier")).then_some(()))
        })
        .await?;
        becomes(&stack, &name, "UPDATE_COMPLETE").await?;
        aws.change_stack("UpdateStack", &name, &template(&function, &all)).await?;
        until("the new tier", async || Ok(tier(&stack, "premium").await?)).await?;
        becomes(&stack, &name, "UPDATE_COMPLETE").await?;
        ensure!(tier(&stack, "premium").await?.as_ref() == Some(&before.0));
        ensure!(tier(&stack, "enterprise").await?.as_ref() == Some(&changed), "a change was undone");
        ensure!(aws.physical_id(&name, "DefaultTiers").await? == resource, "the resource was replaced");

        aws.change_stack("DeleteStack", &name, "").await?;
        until("the stack's end", async || {
            let status = aws.stack_status(&name).await.unwrap_or_else(|_| "DELETE_COMPLETE".to_owned());
            Ok((status == "DELETE_COMPLETE").then_some(()))
        })
        .await?;
        ensure!(tier(&stack, "premium").await?.is_some(), "the tiers went with the stack");
        Ok(())
    }
    .await;
    aws.put_item(table, &before.0).await?;
    aws.put_item(table, &before.1).await?;
    outcome
}

#[tokio::test]
async fn a_deployment_is_told_when_the_table_cannot_be_reached() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let nobody = nobody().await?;
    astray(&stack, "WorkersSetup", (DYNAMODB, &nobody), async || {
        let response_url = ResponseUrl::start().await?;
        stack.invoke("WorkersSetup", &events::setup("Create", &response_url.address)?).await?.ok()?;
        let answer = response_url.answer().await?.body;
        ensure!(answer["Status"] == "FAILED", "{answer}");
        let reason = "The default tiers could not be written. The log of workers-setup has the cause.";
        ensure!(answer["Reason"] == reason, "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_the_tier_for_new_users_they_get_a_clear_500_until_an_admin_creates_it() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let basic = tier(&stack, "basic").await?.context("no tier basic")?;
    let outcome = async {
        stack.aws.delete_item(&stack.outputs.table, "TIER", "TIER#basic").await?;
        // Instances remember the tier for a minute.
        for function in ["AuthProfile", "ImagesCreate"] {
            stack.aws.restart(&stack.resource(function).await?).await?;
        }
        user.get("/api/auth/profile").await?.problem(500, "internal")?;
        user.post("/api/images", &new_image()).await?.problem(500, "internal")?;
        let group = stack.resource("AuthLogs").await?;
        let what = "create it with PUT /api/admin/account-tiers/basic";
        until("the log of it", async || {
            Ok((!stack.aws.log_lines(&group, what).await?.is_empty()).then_some(()))
        })
        .await?;
        // Users with a profile are not affected.
        admin.get("/api/auth/profile").await?.expect(200)?;
        let mut rules = basic.clone();
        for name in ["pk", "sk", "id", "revision"] {
            rules.as_object_mut().context("no rules")?.remove(name);
        }
        admin.put("/api/admin/account-tiers/basic", &rules).await?.expect(200)?;
        user.get("/api/auth/profile").await?.expect(200)?;
        user.post("/api/images", &new_image()).await?.expect(201)?;
        Ok(())
    }
    .await;
    stack.aws.put_item(&stack.outputs.table, &basic).await?;
    outcome
}

#[tokio::test]
async fn the_first_uploads_of_many_users_at_once_share_no_item() -> Result<()> {
    const USERS: usize = 20;
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let users = try_join_all((0..USERS).map(|_| stack.user())).await?;
    let proxy = Proxy::start(&stack.outputs.endpoint_url, "TransactWriteItems", Fault::BROKEN, 0).await?;
    astray(&stack, "ImagesCreate", (DYNAMODB, &proxy.address), async || {
        try_join_all(users.iter().map(async |user| user.post("/api/images", &new_image()).await?.expect(201)))
            .await
    })
    .await?;
    for user in &users {
        ensure!(user.usage().await? == (1, 10));
    }
    // The first attempt finds no profile, the second one writes it.
    let transactions = proxy.forwarded();
    ensure!(transactions.len() >= 2 * USERS, "{} transactions", transactions.len());
    for transaction in &transactions {
        let transaction: Value = serde_json::from_slice(transaction)?;
        let parts = transaction["TransactItems"].as_array().context("no parts")?;
        let parts = parts.iter().flat_map(|part| part.as_object().into_iter().flatten());
        for (kind, part) in parts {
            let key = if kind == "Put" { &part["Item"] } else { &part["Key"] };
            let owner = key["pk"]["S"].as_str().and_then(|pk| pk.strip_prefix("USER#"));
            ensure!(users.iter().any(|user| Some(user.id.as_str()) == owner), "{kind}: {key}");
        }
    }
    Ok(())
}

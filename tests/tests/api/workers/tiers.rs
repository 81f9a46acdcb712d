//! `workers-tiers`: a tier's rules on their way to the users who are in it

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, unique};

async fn user_of(stack: &Stack, tier: &str) -> Result<User> {
    let user = stack.user_in(Tier::BASIC).await?;
    user.change_profile("SET tier = :tier", json!({":tier": tier})).await?;
    Ok(user)
}

/// The table's event that a tier has new rules: so many images, as of a revision.
fn changed(tier: &str, max_images: u32, revision: u32) -> Result<Value> {
    let mut event: Value = serde_json::from_str(include_str!("../../../../events/workers-tiers.json"))?;
    let new = &mut event["Records"][0]["dynamodb"]["NewImage"];
    new["id"] = json!({"S": tier});
    new["max_images"] = json!({"N": max_images.to_string()});
    new["revision"] = json!({"N": revision.to_string()});
    Ok(event)
}

async fn max_images(user: &User) -> Result<Value> {
    Ok(user.item("PROFILE").await?.context("no profile")?["limits"]["max_images"].take())
}

#[tokio::test]
async fn an_older_change_that_comes_late_does_not_undo_a_newer_one() -> Result<()> {
    let stack = Stack::connect()?;
    let tier = unique("tier");
    let user = user_of(&stack, &tier).await?;
    for (images, revision, after) in [(7, 3, 7), (5, 2, 7), (7, 3, 7), (9, 4, 9)] {
        stack.invoke("WorkersTiers", &changed(&tier, images, revision)?).await?.ok()?;
        assert_eq!(max_images(&user).await?, after, "revision {revision}");
    }
    Ok(())
}

#[tokio::test]
async fn every_user_of_the_tier_and_nobody_else_gets_the_rules() -> Result<()> {
    let stack = Stack::connect()?;
    let tier = unique("tier");
    let other = user_of(&stack, &unique("tier")).await?;
    let mut users = Vec::new();
    for _ in 0..20 {
        users.push(user_of(&stack, &tier).await?);
    }
    stack.invoke("WorkersTiers", &changed(&tier, 7, 2)?).await?.ok()?;
    for user in &users {
        assert_eq!(max_images(user).await?, 7);
    }
    assert_eq!(max_images(&other).await?, 100);
    Ok(())
}

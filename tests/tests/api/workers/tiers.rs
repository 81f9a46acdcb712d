//! `workers-tiers`: copies a tier's rules to its users

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, Tier, User, events, unique, until};

async fn user_of(stack: &Stack, tier: &str) -> Result<User> {
    let user = stack.user_in(Tier::BASIC).await?;
    user.change_profile("SET tier = :tier", json!({":tier": tier})).await?;
    Ok(user)
}

/// The stream's event for new rules of a tier: a maximum of images, with a revision.
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

#[tokio::test]
async fn a_profile_that_was_written_with_outdated_rules_gets_the_new_ones() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let tier = unique("t");
    let tier = tier[tier.len().saturating_sub(30)..].trim_start_matches('-');
    let path = format!("/api/admin/account-tiers/{tier}");
    let rules = |max_images: u32| {
        json!({
            "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
            "max_image_bytes": 1_000_000, "max_images": max_images, "ai": false,
        })
    };
    admin.put(&path, &rules(5)).await?.expect(200)?;
    let outdated = stack.aws.item(&stack.outputs.table, "TIER", &format!("TIER#{tier}")).await?;
    admin.put(&path, &rules(9)).await?.expect(200)?;
    // As an instance writes it if it read the tier less than a minute ago.
    let profile = json!({
        "pk": format!("USER#{}", user.id), "sk": "PROFILE", "tier": tier, "limits": outdated,
        "images": 1, "bytes": 10,
    });
    stack.aws.put_item(&stack.outputs.table, &profile).await?;
    until("the new rules", async || Ok((max_images(&user).await? == 9).then_some(()))).await?;
    // Nothing else changed, and the same event changes nothing later.
    assert_eq!(user.usage().await?, (1, 10));
    let after = user.item("PROFILE").await?;
    stack.invoke("WorkersTiers", &events::profile_comes(&user).await?).await?.ok()?;
    assert_eq!(user.item("PROFILE").await?, after);
    Ok(())
}

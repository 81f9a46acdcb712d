//! `GET /api/account-tiers/{id}`

use anyhow::Result;
use reqwest::Method;
use tests::{Answer, Stack, send};

async fn get(stack: &Stack, id: &str) -> Result<Answer> {
    send(stack.request(Method::GET, &format!("/api/account-tiers/{id}"))).await
}

#[tokio::test]
async fn a_tier_is_seen_without_a_token_as_the_list_shows_it() -> Result<()> {
    let stack = Stack::connect()?;
    let tier = get(&stack, "premium").await?.json(200)?;
    let list = send(stack.request(Method::GET, "/api/account-tiers")).await?.json(200)?;
    assert!(list["account_tiers"].as_array().is_some_and(|tiers| tiers.contains(&tier)), "{tier}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_tier_is_not_there() -> Result<()> {
    let stack = Stack::connect()?;
    for id in ["none", "BASIC", "a%20b", "%00", &"x".repeat(300)] {
        get(&stack, id).await?.problem(404, "not-found")?;
    }
    Ok(())
}

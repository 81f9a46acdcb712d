//! Addresses and methods that are not in the contract

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Stack, send};

async fn ask(stack: &Stack, method: Method, path: &str) -> Result<Answer> {
    send(stack.request(method, path)).await
}

#[tokio::test]
async fn an_address_that_is_nowhere_is_not_found() -> Result<()> {
    let stack = Stack::connect()?;
    ask(&stack, Method::POST, "/").await?.problem(404, "not-found")?;
    for path in [
        "/index.html",
        "/assets/",
        "/api",
        "/api/",
        "/api/nowhere",
        "/api/images/",
        "/api/images/a/b",
        "/favicon.ico",
    ] {
        ask(&stack, Method::GET, path).await?.problem(404, "not-found")?;
        ask(&stack, Method::POST, path).await?.problem(404, "not-found")?;
    }
    Ok(())
}

#[tokio::test]
async fn an_address_that_takes_other_methods_names_them() -> Result<()> {
    let stack = Stack::connect()?;
    for (method, path, allow) in [
        (Method::PUT, "/api/images", "GET, POST"),
        (Method::POST, "/api/images/01JZ0000000000000000000000", "GET, PATCH, DELETE"),
        (Method::DELETE, "/api/auth/login", "POST"),
        (Method::TRACE, "/api/account-tiers", "GET"),
    ] {
        let answer = ask(&stack, method, path).await?;
        assert_eq!(answer.header("allow"), allow, "{path}");
        answer.problem(405, "method-not-allowed")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_preflight_that_the_gateway_hands_on_is_answered_well() -> Result<()> {
    // The local stack's gateway answers preflights itself; AWS's does not where there is a default route.
    let stack = Stack::connect()?;
    let mut event: Value = serde_json::from_str(include_str!("../../../../events/docs-default-route.json"))?;
    for path in ["/api/images", "/api/nowhere"] {
        event["rawPath"] = json!(path);
        event["requestContext"]["http"]["path"] = json!(path);
        event["requestContext"]["http"]["method"] = json!("OPTIONS");
        let answer = stack.invoke("DocsDefaultRoute", &event).await?.ok()?;
        assert_eq!(answer["statusCode"], json!(204), "{path}: {answer}");
    }
    Ok(())
}

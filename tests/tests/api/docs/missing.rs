//! Addresses and methods that are not in the contract

use anyhow::Result;
use reqwest::Method;
use tests::{Answer, Stack};

async fn ask(stack: &Stack, method: Method, path: &str) -> Result<Answer> {
    Answer::read(stack.request(method, path).send().await?).await
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

//! `GET /api/docs`

use anyhow::Result;
use reqwest::Method;
use tests::{Stack, send};

#[tokio::test]
async fn the_page_has_every_operation_and_may_load_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let answer = send(stack.request(Method::GET, "/api/docs")).await?.expect(200)?;
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let page = answer.text();
    for id in ["images-create", "auth-login", "admin-tiers-delete", "docs-openapi"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(!page.contains("<script"));
    Ok(())
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    let first = send(stack.request(Method::GET, "/api/docs")).await?.expect(200)?;
    let request = stack.request(Method::GET, "/api/docs").header("if-none-match", first.header("etag"));
    send(request).await?.expect(304)?;
    Ok(())
}

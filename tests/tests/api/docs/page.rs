//! `GET /api/docs` and `GET /api/docs/{file}`

use anyhow::Result;
use reqwest::Method;
use tests::{Answer, Stack, send};

async fn get(stack: &Stack, path: &str) -> Result<Answer> {
    send(stack.request(Method::GET, path)).await
}

#[tokio::test]
async fn the_page_may_run_only_its_own_scripts_and_every_file_that_it_names_is_there() -> Result<()> {
    let stack = Stack::connect()?;
    let answer = get(&stack, "/api/docs").await?.expect(200)?;
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let page = answer.text();
    let files: Vec<&str> =
        page.split("\"/api/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        let asset = get(&stack, &format!("/api/docs/{file}")).await?.expect(200)?;
        assert!(asset.bytes.len() > 500, "{file} has {} bytes", asset.bytes.len());
    }
    Ok(())
}

#[tokio::test]
async fn nothing_else_is_a_file_of_the_page() -> Result<()> {
    let stack = Stack::connect()?;
    for file in ["index.html", "openapi.json", "package.json", "nowhere.js"] {
        get(&stack, &format!("/api/docs/{file}")).await?.problem(404, "not-found")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    for path in ["/api/docs", "/api/docs/swagger-ui.css"] {
        let first = get(&stack, path).await?.expect(200)?;
        let request = stack.request(Method::GET, path).header("if-none-match", first.header("etag"));
        send(request).await?.expect(304)?;
    }
    Ok(())
}

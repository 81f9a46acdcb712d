//! `GET /api/openapi.json`

use anyhow::Result;
use reqwest::Method;
use tests::{Answer, Stack, send};

const PATH: &str = "/api/openapi.json";

async fn get(stack: &Stack, headers: &[(&str, &str)]) -> Result<Answer> {
    let request = stack.request(Method::GET, PATH);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request).await
}

#[tokio::test]
async fn the_contract_is_there_for_everybody_and_may_be_kept() -> Result<()> {
    let stack = Stack::connect()?;
    let answer = get(&stack, &[]).await?;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let document = answer.json(200)?;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/api/images"]["post"]["operationId"], "images-create");
    Ok(())
}

#[tokio::test]
async fn a_client_that_has_it_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    let etag = get(&stack, &[]).await?.expect(200)?.header("etag").to_owned();
    let known = get(&stack, &[("if-none-match", &etag)]).await?.expect(304)?;
    assert_eq!((known.header("etag"), known.bytes.len()), (etag.as_str(), 0));
    get(&stack, &[("if-none-match", "\"another\"")]).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_client_that_takes_gzip_gets_it_compressed() -> Result<()> {
    let stack = Stack::connect()?;
    let url = format!("{}{PATH}", stack.outputs.api_url);
    let plain = send(stack.request_url(Method::GET, &url)).await?.expect(200)?;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let request = stack.request_url(Method::GET, &url).header("accept-encoding", "gzip");
    let gzip = send(request).await?.expect(200)?;
    assert_eq!((gzip.header("content-encoding"), &gzip.bytes[..2]), ("gzip", &[0x1f, 0x8b][..]));
    assert!(gzip.bytes.len() * 4 < plain.bytes.len(), "{} of {}", gzip.bytes.len(), plain.bytes.len());
    Ok(())
}

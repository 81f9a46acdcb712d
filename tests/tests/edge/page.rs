//! The page and the API behind the edge

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use tests::{Answer, Stack, id_of, pictures, send};

use crate::KEYS;

async fn get(stack: &Stack, path: &str, accepts: &str) -> Result<Answer> {
    let url = format!("{}{path}", stack.outputs.edge_url);
    send(stack.request_url(Method::GET, &url).header("accept-encoding", accepts)).await?.expect(200)
}

/// The address of the page's script.
fn script(page: &str) -> Result<String> {
    let sources = page.split(" src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut scripts = sources.filter(|address| address.starts_with("/assets/"));
    scripts.next().map(str::to_owned).context("no script")
}

#[tokio::test]
async fn the_page_and_its_files_are_cached_for_each_encoding() -> Result<()> {
    let stack = Stack::connect_to_edge()?;
    let script = script(&get(&stack, "/", "").await?.text())?;
    for path in ["/", script.as_str()] {
        for (accepts, encoding) in [("br, gzip", "br"), ("gzip", "gzip"), ("identity", "")] {
            let (first, second) = (get(&stack, path, accepts).await?, get(&stack, path, accepts).await?);
            assert_eq!(second.header("x-cache"), "Hit from cloudfront", "{path} {accepts}");
            assert_eq!(second.header("content-encoding"), encoding, "{path}");
            assert_eq!(second.bytes, first.bytes, "{path}");
            for name in ["content-security-policy", "etag", "referrer-policy", "x-content-type-options"] {
                assert_eq!(second.header(name), first.header(name), "{path} {name}");
            }
            assert_eq!(second.header("x-frame-options"), "DENY");
            assert!(second.header("strict-transport-security").starts_with("max-age="), "{path}");
        }
    }
    // Browsers ask at each visit, and the edge answers.
    let page = get(&stack, "/", "br").await?;
    assert_eq!(page.header("cache-control"), "no-cache");
    let known = stack.request_url(Method::GET, &format!("{}/", stack.outputs.edge_url));
    let known = known.header("accept-encoding", "br").header("if-none-match", page.header("etag"));
    send(known).await?.expect(304)?;
    Ok(())
}

#[tokio::test]
async fn the_page_may_load_pictures_from_its_own_origin_alone() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let page = get(&stack, "/", "").await?;
    let policy = page.header("content-security-policy");
    let sources = policy.split("; ").find_map(|directive| directive.strip_prefix("img-src "));
    assert_eq!(sources, Some(format!("'self' blob: data: {}", stack.outputs.edge_url).as_str()));
    Ok(())
}

#[tokio::test]
async fn the_api_gets_tokens_queries_and_bodies_and_no_answer_is_cached() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let user = stack.user().await?;
    let set = user.post("/api/imagesets", &json!({"title": "Réunion"})).await?.json(201)?;
    let path = format!("/api/imagesets/{}", id_of(&set)?);
    for title in ["One", "Two"] {
        let changed = user.patch(&path, &json!({"title": title})).await?.expect(200)?;
        assert_eq!(changed.header("x-cache"), "Miss from cloudfront");
        let read = user.get(&path).await?;
        assert_eq!(read.header("x-cache"), "Miss from cloudfront");
        assert_eq!(read.json(200)?["title"], title);
    }
    let other = user.post("/api/imagesets", &json!({"title": "Three"})).await?.json(201)?;
    let page = user.get("/api/imagesets?limit=1").await?.json(200)?;
    assert_eq!(page["imagesets"][0]["id"], other["id"]);
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    let next = user.get(&format!("/api/imagesets?limit=1&cursor={cursor}")).await?.json(200)?;
    assert_eq!(next["imagesets"][0]["id"], set["id"]);
    user.delete(&path).await?.expect(204)?;
    user.get(&path).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn the_cookie_of_a_login_passes_both_ways() -> Result<()> {
    let stack = Stack::connect_to_edge()?;
    let user = stack.user().await?;
    let login = json!({"username": user.username, "password": user.password, "refresh_token_in": "cookie"});
    let answer = stack.post("/api/auth/login", &login).await?.expect(200)?;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(!cookie.to_ascii_lowercase().contains("domain="), "the cookie belongs to the edge: {cookie}");
    let cookie = cookie.split(';').next().context("no cookie")?;
    let refresh = |request: reqwest::RequestBuilder| send(request.json(&json!({})));
    let path = "/api/auth/token/refresh";
    let with = refresh(stack.request(Method::POST, path).header("cookie", cookie)).await?.json(200)?;
    assert!(with["access_token"].is_string(), "{with}");
    assert!(refresh(stack.request(Method::POST, path)).await?.status.is_client_error());
    Ok(())
}

#[tokio::test]
async fn an_upload_goes_to_the_bucket_itself_and_the_page_at_the_edge_may_send_it() -> Result<()> {
    let stack = Stack::connect_to_edge()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let url = created.upload["url"].as_str().context("no address")?;
    assert!(url.starts_with(&stack.outputs.endpoint_url), "{url}");
    let preflight = stack.request_url(Method::OPTIONS, url).header("origin", &stack.outputs.edge_url);
    let preflight = preflight.header("access-control-request-method", "PUT");
    send(preflight.header("access-control-request-headers", "content-type,if-none-match"))
        .await?
        .expect(200)?;
    Ok(())
}

#[tokio::test]
async fn addresses_for_guests_are_at_the_edge() -> Result<()> {
    for stack in [Stack::connect_to_edge()?, Stack::connect()?] {
        let user = stack.user().await?;
        let link = json!({"max_images": 1, "expires_in": 300});
        let link = user.post("/api/upload-links", &link).await?.json(201)?;
        let url = link["url"].as_str().context("no address")?;
        assert!(url.starts_with(&format!("{}/#/send/", stack.outputs.edge_url)), "{url}");
        let bytes = pictures::png(8, 8)?;
        let files =
            json!({"files": [{"file_name": "a.png", "content_type": "image/png", "size": bytes.len()}]});
        let path = format!("/api/upload-links/{}/images", id_of(&link)?);
        stack.post(&path, &files).await?.expect(201)?;
    }
    Ok(())
}

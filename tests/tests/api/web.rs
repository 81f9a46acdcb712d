//! `GET /` and `GET /assets/{hash}/{path}`: the page

use anyhow::{Context, Result};
use reqwest::Method;
use tests::{Answer, Stack, send};

async fn ask(stack: &Stack, method: Method, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let url = format!("{}{path}", stack.outputs.api_url);
    let request = stack.request_url(method, &url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request).await
}

async fn get(stack: &Stack, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    ask(stack, Method::GET, path, headers).await
}

/// The values of an attribute on a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!(" {name}=\"");
    page.split(mark.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The addresses of the files that the page names.
async fn assets(stack: &Stack) -> Result<Vec<String>> {
    let page = get(stack, "/", &[]).await?.expect(200)?.text();
    let all = ["src", "href"].map(|name| attributes(&page, name)).concat();
    Ok(all.into_iter().filter(|address| address.starts_with("/assets/")).map(str::to_owned).collect())
}

#[tokio::test]
async fn the_page_is_there_and_may_run_its_own_scripts_alone() -> Result<()> {
    let stack = Stack::connect()?;
    let answer = get(&stack, "/", &[]).await?.expect(200)?;
    let header = |name| answer.header(name);
    assert_eq!((header("content-type"), header("cache-control")), ("text/html; charset=utf-8", "no-cache"));
    assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff", "no-referrer"));
    let policy: Vec<&str> = header("content-security-policy").split("; ").collect();
    for directive in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(&directive), "{policy:?}");
    }
    // The local stack uses HTTP, where the header has no effect.
    let is_https = stack.outputs.api_url.starts_with("https:");
    assert_eq!(header("strict-transport-security").starts_with("max-age="), is_https);
    let page = answer.text();
    assert!(!page.contains("<style") && !page.contains(" style="), "{page}");
    for script in page.split("<script").skip(1) {
        assert!(script.contains(" src=\"/assets/") && script.contains("></script>"), "{script}");
    }
    Ok(())
}

#[tokio::test]
async fn the_page_may_load_pictures_and_upload_where_the_api_says() -> Result<()> {
    let stack = Stack::connect()?;
    let policy = get(&stack, "/", &[]).await?.expect(200)?.header("content-security-policy").to_owned();
    let sources = |name: &str| {
        let directive = policy.split("; ").find_map(|directive| directive.strip_prefix(name));
        directive.unwrap_or_default().split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let user = stack.user_in(tests::Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/png", tests::pictures::png(64, 64)?).await?;
    let upload = user.create("image/png", 10).await?.upload;
    for (directive, url) in [
        ("connect-src ", &upload["url"]),
        ("img-src ", &image["thumbnails"][0]["url"]),
        ("img-src ", &image["original_url"]),
        ("connect-src ", &image["thumbnails"][0]["url"]),
        ("connect-src ", &image["original_url"]),
    ] {
        let url = url.as_str().context("no address")?;
        let is_allowed = |source: &String| source.starts_with("http") && url.starts_with(source.as_str());
        assert!(sources(directive).iter().any(is_allowed), "{directive}{url}: {policy}");
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_told_so() -> Result<()> {
    let stack = Stack::connect()?;
    let etag = get(&stack, "/", &[]).await?.expect(200)?.header("etag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    let known = get(&stack, "/", &[("if-none-match", &etag)]).await?.expect(304)?;
    assert_eq!((known.header("etag"), known.bytes.len()), (etag.as_str(), 0));
    get(&stack, "/", &[("if-none-match", "\"another\"")]).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn what_the_page_names_is_there_and_may_be_kept_for_ever() -> Result<()> {
    let stack = Stack::connect()?;
    let assets = assets(&stack).await?;
    assert!(assets.iter().any(|path| path.ends_with(".js")), "{assets:?}");
    assert!(assets.iter().any(|path| path.ends_with(".css")), "{assets:?}");
    for path in &assets {
        let answer = get(&stack, path, &[]).await?.expect(200).with_context(|| path.clone())?;
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let kind = if path.ends_with(".js") {
            "text/javascript; charset=utf-8"
        } else {
            answer.header("content-type")
        };
        assert_eq!(answer.header("content-type"), kind, "{path}");
    }
    Ok(())
}

/// Each request needs an instance of the function. A new AWS account allows ten instances of all functions together.
#[tokio::test]
async fn a_first_visit_takes_five_requests() -> Result<()> {
    let stack = Stack::connect()?;
    let assets = assets(&stack).await?;
    assert_eq!(assets.len(), 4, "{assets:?}");
    for path in assets.iter().filter(|path| path.ends_with(".js")) {
        let script = get(&stack, path, &[]).await?.expect(200)?.text();
        for import in script.lines().filter(|line| line.starts_with("import ")) {
            let name = import.split('"').nth(1).and_then(|address| address.strip_prefix("."));
            let is_loaded = name.is_some_and(|name| assets.iter().any(|asset| asset.ends_with(name)));
            assert!(is_loaded, "{path} loads another file: {import}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_gets_the_page_compressed_as_it_asks() -> Result<()> {
    let stack = Stack::connect()?;
    let plain = get(&stack, "/", &[]).await?.expect(200)?;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let gzip = get(&stack, "/", &[("accept-encoding", "gzip")]).await?.expect(200)?;
    assert_eq!((gzip.header("content-encoding"), &gzip.bytes[..2]), ("gzip", &[0x1f, 0x8b][..]));
    let brotli = get(&stack, "/", &[("accept-encoding", "gzip, deflate, br")]).await?.expect(200)?;
    assert_eq!(brotli.header("content-encoding"), "br");
    let sizes = [&brotli, &gzip, &plain].map(|answer| answer.bytes.len());
    assert!(sizes.is_sorted() && sizes[0] < sizes[2], "{sizes:?}");
    let tags = [&brotli, &gzip, &plain].map(|answer| answer.header("etag"));
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[2] != tags[0], "{tags:?}");
    Ok(())
}

#[tokio::test]
async fn a_head_is_answered_as_a_get_without_the_body() -> Result<()> {
    let stack = Stack::connect()?;
    for path in ["/", assets(&stack).await?.first().context("no assets")?] {
        let (head, get) = (
            ask(&stack, Method::HEAD, path, &[]).await?.expect(200)?,
            get(&stack, path, &[]).await?.expect(200)?,
        );
        for name in ["etag", "content-type", "cache-control", "vary"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert!(head.bytes.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_file_of_this_page_is_not_found() -> Result<()> {
    let stack = Stack::connect()?;
    let assets = assets(&stack).await?;
    let known = assets.first().context("no assets")?;
    let mut parts = known.splitn(4, '/').skip(2);
    let (hash, name) = (parts.next().context("no hash")?, parts.next().context("no name")?);
    for path in [
        format!("/assets/{hash}/nowhere.js"),
        format!("/assets/{hash}/index.html"),
        format!("/assets/{name}"),
    ] {
        let answer = get(&stack, &path, &[]).await?;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        answer.problem(404, "not-found").with_context(|| path.clone())?;
    }
    Ok(())
}

#[tokio::test]
async fn the_page_before_a_deployment_finds_the_new_files_but_no_cache_keeps_them() -> Result<()> {
    let stack = Stack::connect()?;
    let assets = assets(&stack).await?;
    let known = assets.first().context("no assets")?;
    let name = known.splitn(4, '/').nth(3).context("no name")?;
    let old = get(&stack, &format!("/assets/0123456789abcdef/{name}"), &[]).await?.expect(200)?;
    assert_eq!(old.header("cache-control"), "no-cache");
    assert_eq!(old.bytes, get(&stack, known, &[]).await?.expect(200)?.bytes);
    Ok(())
}

#[tokio::test]
async fn the_page_may_upload_from_the_apis_own_origin() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let url = created.upload["url"].as_str().context("no address")?;
    for (origin, expected) in [(stack.outputs.api_url.as_str(), 200), ("http://evil.example", 403)] {
        let preflight = stack.request_url(Method::OPTIONS, url).header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "PUT");
        let preflight = preflight.header("access-control-request-headers", "content-type,if-none-match");
        assert_eq!(send(preflight).await?.status, expected, "{origin}");
    }
    Ok(())
}

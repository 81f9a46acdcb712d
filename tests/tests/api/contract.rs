//! Rules of the whole API: responses to invalid input, CORS and sample events

use std::{fs, path::Path};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tests::{Answer, ResponseUrl, Stack, User, events, operations_with_a_body, pictures, send};

use crate::DEAD_LETTERS;

async fn post_text(user: &User, path: &str, content_type: &str, body: impl Into<String>) -> Result<Answer> {
    send_text(user, (&Method::POST, path), content_type, body).await
}

async fn send_text(
    user: &User,
    (method, path): (&Method, &str),
    content_type: &str,
    body: impl Into<String>,
) -> Result<Answer> {
    let request = user.request(method.clone(), path).header("content-type", content_type).body(body.into());
    send(request).await
}

#[tokio::test]
async fn what_is_not_json_or_another_thing_than_asked_for_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let admin = stack.admin().await?;
    try_join_all(operations_with_a_body()?.iter().map(async |(method, path)| {
        for body in ["", "{", "file_name=a&size=1", "\u{0}"] {
            let answer = send_text(&admin, (method, path), "application/json", body).await?;
            answer.problem(400, "invalid-json").with_context(|| format!("{method} {path}"))?;
        }
        for body in ["[]", "7", "{\"is_admin\":true}"] {
            let answer = send_text(&admin, (method, path), "application/json", body).await?;
            answer.problem(400, "invalid-field").with_context(|| format!("{method} {path}"))?;
        }
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_missing_or_unknown_field_is_named() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let good = json!({"file_name": "a", "content_type": "image/png", "size": 1});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let without_size = json!({"file_name": "a", "content_type": "image/png"});
    for (field, body) in [
        ("size", with("size", json!("1"))),
        ("size", with("size", json!(-1))),
        ("size", with("size", json!(1.5))),
        ("size", with("size", json!(u64::MAX))),
        ("size", with("size", Value::Null)),
        ("size", without_size),
        ("file_name", with("file_name", json!(["a"]))),
        ("content_type", with("content_type", json!(7))),
        ("checksum_sha256", with("checksum_sha256", json!("abc"))),
        ("title", with("title", json!("x".repeat(201)))),
        ("description", with("description", json!({}))),
        ("is_admin", with("is_admin", json!(true))),
    ] {
        let problem = user.post("/api/images", &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{body}");
    }
    let login = json!({"username": "a", "password": ["x"]});
    let problem = stack.post("/api/auth/login", &login).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "password");
    assert_eq!(user.usage().await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_megabyte_of_nesting_is_refused_unread() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for body in ["[".repeat(1 << 20), format!("{{\"file_name\":{}", "{\"a\":".repeat(200_000))] {
        post_text(&user, "/api/images", "application/json", body).await?.problem(413, "body-too-large")?;
    }
    // Small enough to be read, and deep enough to overflow a parser's stack.
    let deep = format!("{{\"title\":{}", "[".repeat(60_000));
    let problem = post_text(&user, "/api/images", "application/json", deep).await?.json(400)?;
    assert!(["invalid-json", "invalid-field"].contains(&problem["code"].as_str().unwrap()), "{problem}");
    user.get("/api/images").await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn another_content_type_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": 1}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "image/png"]
    {
        let answer = post_text(&user, "/api/images", content_type, body.clone()).await?;
        answer.problem(415, "unsupported-media-type")?;
    }
    let admin = stack.admin().await?;
    try_join_all(operations_with_a_body()?.iter().map(async |(method, path)| {
        let answer = send_text(&admin, (method, path), "text/plain", "{}").await?;
        answer.problem(415, "unsupported-media-type").with_context(|| format!("{method} {path}")).map(drop)
    }))
    .await?;
    post_text(&user, "/api/images", "application/json; charset=utf-8", body).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn answers_are_json_and_no_cache_keeps_them() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for path in ["/api/images", "/api/auth/profile"] {
        let answer = user.get(path).await?.expect(200)?;
        assert_eq!(
            (answer.header("content-type"), answer.header("cache-control")),
            ("application/json", "no-store")
        );
    }
    let refused = user.get("/api/images/x").await?;
    assert_eq!(refused.header("cache-control"), "no-store");
    refused.problem(404, "not-found")?;
    Ok(())
}

async fn preflight(stack: &Stack, url: &str, origin: &str, method: &str, headers: &str) -> Result<Response> {
    let request = stack.request_url(Method::OPTIONS, url).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    Ok(request.header("access-control-request-headers", headers).send().await?)
}

fn allowed_origin(answer: &Response) -> Option<&str> {
    answer.headers().get("access-control-allow-origin")?.to_str().ok()
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_upload_and_others_may_not() -> Result<()> {
    let stack = Stack::connect()?;
    let allowed_page = stack.outputs.allowed_origin.as_str();
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let created = user.create("image/png", picture.len()).await?;
    let url = created.upload["url"].as_str().unwrap();
    let headers = "content-type,if-none-match";

    let allowed = preflight(&stack, url, allowed_page, "PUT", headers).await?;
    assert_eq!((allowed.status().as_u16(), allowed_origin(&allowed)), (200, Some(allowed_page)));
    let refused = preflight(&stack, url, "https://evil.example", "PUT", headers).await?;
    assert_eq!((refused.status().as_u16(), allowed_origin(&refused)), (403, None));
    let refused = preflight(&stack, url, allowed_page, "DELETE", headers).await?;
    assert_eq!(refused.status(), 403);

    let mut request = stack.request_url(Method::PUT, url).header("origin", allowed_page).body(picture);
    for (name, value) in created.upload["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let answer = send(request).await?.expect(200)?;
    assert_eq!(answer.header("access-control-allow-origin"), allowed_page);
    assert!(answer.header("access-control-expose-headers").contains("ETag"));
    Ok(())
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_the_api_and_others_may_not() -> Result<()> {
    let stack = Stack::connect()?;
    let allowed_page = stack.outputs.allowed_origin.as_str();
    let user = stack.user().await?;
    let url = format!("{}/api/images", stack.outputs.api_url);
    let allowed = preflight(&stack, &url, allowed_page, "POST", "authorization,content-type").await?;
    assert!(allowed.status().is_success());
    assert_eq!(allowed_origin(&allowed), Some(allowed_page));
    let refused =
        preflight(&stack, &url, "https://evil.example", "POST", "authorization,content-type").await?;
    assert_eq!(allowed_origin(&refused), None);

    for (origin, expected) in [(allowed_page, Some(allowed_page)), ("https://evil.example", None)] {
        let answer = user.request(Method::GET, "/api/images").header("origin", origin).send().await?;
        assert_eq!(allowed_origin(&answer), expected, "{origin}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: the samples register a user and write a tier of fixed names"]
async fn every_function_answers_its_sample_event() -> Result<()> {
    let _turn = DEAD_LETTERS.lock().await;
    let stack = Stack::connect()?;
    let response_url = ResponseUrl::start().await?;
    // A laptop cannot start more functions at the same time.
    const AT_ONCE: usize = 4;
    let answers = events::SAMPLES.iter().map(async |(function, sample)| {
        let mut event: Value = serde_json::from_str(sample)?;
        if !event["ResponseURL"].is_null() {
            event["ResponseURL"] = json!(response_url.address);
        }
        let answer = stack.invoke(function, &event).await?.ok().with_context(|| (*function).to_owned())?;
        let status = answer["statusCode"].as_u64().unwrap_or(200);
        assert!(status < 500, "{function}: {answer}");
        assert_ne!(status, 415, "{function}: {answer}");
        assert_ne!(
            answer["body"].as_str().map(|body| body.contains("invalid-field")),
            Some(true),
            "{function}: {answer}"
        );
        assert_eq!(answer["batchItemFailures"].as_array().map_or(0, Vec::len), 0, "{function}: {answer}");
        anyhow::Ok(())
    });
    stream::iter(answers).buffer_unordered(AT_ONCE).try_collect().await
}

#[test]
fn every_row_for_those_who_migrate_names_a_test_that_exists() -> Result<()> {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let page = fs::read_to_string(docs.join("MIGRATING.md"))?;
    // Other tables describe the manifest of an import.
    let tables =
        page.split("\n\n").filter(|table| table.starts_with("| earlier backend | Darkroom | test |"));
    let rows: Vec<&str> = tables.flat_map(|table| table.lines().skip(2)).collect();
    assert!(rows.len() > 30, "{}", rows.len());
    for row in rows {
        let link = row.rsplit_once("| [").and_then(|(_, link)| link.split_once("]("));
        let (name, rest) = link.with_context(|| format!("no link: {row}"))?;
        let file = rest.split(')').next().unwrap_or_default();
        let source =
            fs::read_to_string(docs.join(file)).with_context(|| format!("{file}, linked in {row}"))?;
        assert!(source.contains(&format!("fn {name}(")), "{file} has no {name}");
    }
    Ok(())
}

use std::{collections::HashMap, fs, path::Path};

use lambda_http::{Context, http::StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Caller, Query, bearer, body, idempotency_key, path_id};

/// Reads all of a request that endpoints read, and says some of it.
async fn echo(request: Request) -> Reply {
    let _ = (bearer(&request).is_ok(), idempotency_key(&request).is_ok(), Caller::of(&request).await.is_ok());
    let _ = (body::<Value>(&request).is_ok(), path_id::<u64>(&request).is_ok());
    let header = |name: &str| request.headers().get(name).map(|value| value.as_bytes().to_vec());
    let said = json!({
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "raw_path": request.raw_http_path(),
        "a": Query::of(&request).text("a"),
        "host": header("host"),
        "cookie": header("cookie"),
        "x": header("x"),
        "body": request.body().to_vec(),
    });
    crate::json(StatusCode::OK, &said)
}

async fn answer_to(event: &str) -> Value {
    let event = RawValue::from_string(event.to_owned()).unwrap();
    let event = LambdaEvent::new(event, Context::default());
    let answer = respond(&echo, &Limiter::default(), event).await.unwrap();
    serde_json::to_value(answer).unwrap()
}

fn body_of(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// What the endpoint read of an event, which has to reach it.
async fn read_of(event: &Value) -> Value {
    let answer = answer_to(&event.to_string()).await;
    assert_eq!(answer["statusCode"], 200, "{answer} to {event}");
    body_of(&answer)
}

async fn assert_refused(event: &str) {
    let answer = answer_to(event).await;
    assert_eq!(answer["statusCode"], 400, "{answer} to {event}");
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
    assert_eq!(body_of(&answer)["code"], "malformed-request");
}

/// A request for `path` with `query`.
fn event(path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example"},
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": path}},
        "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn the_events_of_every_endpoint_are_answered() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut events = 0;
    for file in fs::read_dir(directory).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        let Some(path) = event["rawPath"].as_str().filter(|_| event["type"] != "REQUEST") else { continue };
        let read = read_of(&event).await;
        assert_eq!(
            (&read["raw_path"], &read["method"]),
            (&json!(path), &event["requestContext"]["http"]["method"])
        );
        events += 1;
    }
    assert!(events > 30, "{events}");
}

#[tokio::test]
async fn characters_that_a_url_must_not_have_reach_the_endpoint_as_they_were_sent() {
    for (query, a) in [
        ("a=<b>\"", "<b>\""),
        ("a=<b>\"&b=1", "<b>\""),
        ("a=%3Cb%3E%22", "<b>\""),
        ("a=1#2", "1#2"),
        ("a=é 😀", "é 😀"),
        ("a=\u{0}\n\u{7f}", "\u{0}\n\u{7f}"),
        ("a=`{|}\\^[]", "`{|}\\^[]"),
        ("a=100%", "100%"),
    ] {
        assert_eq!(read_of(&event("/api/images", query)).await["a"], a, "{query}");
    }
    for (path, expected) in [
        ("/a b/<c>\"", "/a%20b/%3Cc%3E%22"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/a\\b", "/a%5Cb"),
        ("/é", "/%C3%A9"),
        ("//evil.example/x", "//evil.example/x"),
        ("/a%25b", "/a%25b"),
        ("/\n\u{0}", "/%0A%00"),
        ("", "/"),
    ] {
        assert_eq!(read_of(&event(path, "")).await["path"], expected, "{path}");
    }
}

#[tokio::test]
async fn a_request_above_the_rate_is_refused_as_a_problem() {
    let limiter = Limiter::new(0, 1);
    let mut event = event("/", "");
    event["requestContext"]["http"]["sourceIp"] = json!("192.0.2.1");
    let mut answers = Vec::new();
    for _ in 0..6 {
        let event = RawValue::from_string(event.to_string()).unwrap();
        let event = LambdaEvent::new(event, Context::default());
        let answer = respond(&echo, &limiter, event).await.unwrap();
        answers.push(serde_json::to_value(answer).unwrap());
    }
    let refused = answers.pop().unwrap();
    assert!(answers.iter().all(|answer| answer["statusCode"] == 200), "{answers:?}");
    assert_eq!((&refused["statusCode"], &refused["headers"]["retry-after"]), (&json!(429), &json!("1")));
    assert_eq!(body_of(&refused)["code"], "rate-limited");
}

#[tokio::test]
async fn headers_reach_the_endpoint_whatever_bytes_they_have() {
    let mut event = event("/", "");
    event["headers"] = json!({"x": "é", "host": "api.example"});
    event["cookies"] = json!(["refresh_token=1", "other=é"]);
    let read = read_of(&event).await;
    assert_eq!(read["x"], json!("é".as_bytes()));
    assert_eq!(read["host"], json!(b"api.example"));
    assert_eq!(read["cookie"], json!("refresh_token=1; other=é".as_bytes()));
}

#[tokio::test]
async fn no_host_or_scheme_is_too_odd() {
    let hosts = [
        "",
        " ",
        "a b",
        "a/b?c#d",
        "u:p@x",
        "x:99999",
        "[::1",
        "1.2.3.256",
        "xn--",
        "%",
        "é",
        "<",
        "..",
        ":",
    ];
    for host in hosts {
        for scheme in ["https", "", "javascript", "1", "a b", ":", "file", "é"] {
            let mut event = event("/api/images", "a=1");
            event["headers"] = json!({"host": host, "x-forwarded-proto": scheme});
            event["requestContext"]["domainName"] = json!(host);
            let read = read_of(&event).await;
            assert_eq!((&read["path"], &read["host"]), (&json!("/api/images"), &json!(host.as_bytes())));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_repaired_is_refused_as_a_problem() {
    let with = |change: fn(&mut Value)| {
        let mut event = event("/", "");
        change(&mut event);
        event.to_string()
    };
    for event in [
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "\"\"".to_owned(),
        "[".repeat(1000) + &"]".repeat(1000),
        r#"{"rawPath":"\ud800"}"#.to_owned(),
        with(|event| event["rawPath"] = json!("x")),
        with(|event| event["rawPath"] = json!(7)),
        with(|event| event["rawPath"] = json!(":99999")),
        with(|event| event["rawPath"] = json!("http://api.example/x")),
        with(|event| event["rawPath"] = json!(format!("/{}", "x".repeat(70_000)))),
        with(|event| event["rawQueryString"] = json!("<".repeat(30_000))),
        with(|event| event["requestContext"] = json!(null)),
        with(|event| event["requestContext"] = json!({})),
        with(|event| event["requestContext"] = json!("x")),
        with(|event| event["requestContext"]["http"] = json!({"method": "GET /"})),
        with(|event| event["headers"] = json!([])),
        with(|event| event["headers"] = json!({"": "x"})),
        with(|event| event["headers"] = json!({"a b": "x"})),
        with(|event| event["headers"] = json!({"x": "a\nb"})),
        with(|event| event["headers"] = json!({"x": "\u{0}"})),
        with(|event| event["headers"] = json!({"x": 7})),
        with(|event| (event["body"], event["isBase64Encoded"]) = (json!("%"), json!(true))),
        with(|event| (event["body"], event["isBase64Encoded"]) = (json!("YQ"), json!(true))),
    ] {
        assert_refused(&event).await;
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Text with many of the characters that have a meaning in URLs and headers.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[/?#%<>\"'`{}|^@:.,;= \\\\\\[\\]0-9a-fA-F\t\n\r\u{0}\u{7f}é]{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_event_makes_it_panic(
        (path, query, host, scheme) in (any_text(), any_text(), any_text(), any_text()),
        (method, stage, domain) in (any_text(), any_text(), any_text()),
        headers in prop::collection::hash_map(any_text(), any_text(), 0..4),
        cookies in prop::collection::vec(any_text(), 0..3),
        (body, is_base64) in (any_text(), any::<bool>()),
        slash in any::<bool>(),
        odd in prop::option::of((
            prop::sample::select(vec![
                "rawPath", "rawQueryString", "headers", "cookies", "requestContext", "body", "isBase64Encoded",
                "pathParameters", "queryStringParameters", "stageVariables", "version",
            ]),
            any_json(),
        )),
    ) {
        let mut headers: HashMap<String, Value> =
            headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        headers.insert("Host".to_owned(), json!(host));
        headers.insert("X-Forwarded-Proto".to_owned(), json!(scheme));
        let mut event = event(&format!("{}{path}", if slash { "/" } else { "" }), &query);
        event["headers"] = json!(headers);
        event["cookies"] = json!(cookies);
        event["requestContext"] = json!({"stage": stage, "domainName": domain, "http": {"method": "POST"}});
        if method.len() % 2 == 0 {
            event["requestContext"]["http"]["method"] = json!(method);
        }
        (event["body"], event["isBase64Encoded"]) = (json!(body), json!(is_base64));
        if let Some((name, value)) = odd {
            event[name] = value;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(answer_to(&event.to_string()));
        prop_assert!(answer["statusCode"] == 200 || body_of(&answer)["code"] == "malformed-request", "{answer}");
    }
}

#[test]
fn the_id_of_an_image_correlates_its_requests_and_no_other_id_of_a_path_is_logged() {
    let id = "01JZ0000000000000000000000";
    for (path, is_image) in [
        (format!("/api/images/{id}"), true),
        (format!("/api/images/{id}/status"), true),
        (format!("/api/admin/images/{id}"), true),
        (format!("/api/imagesets/{id}"), false),
        (format!("/api/upload-links/{id}/images"), false),
        (format!("/l/{id}"), false),
        ("/api/images/secret".to_owned(), false),
        ("/api/images".to_owned(), false),
    ] {
        let found = image_in(&path).map(|image| image.to_string());
        assert_eq!(found.as_deref(), is_image.then_some(id), "{path}");
    }
}

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_s3::config::BehaviorVersion;
use aws_types::region::Region;
use domain::ObjectKey;
use serde_json::{Value, json};

use super::*;
use crate::objects::addresses::{Addresses, Lifetime};

const MISSING: &str = "these tests need botocore: run `cargo xtask test`, which installs it";
const ORIGIN: &str = "https://d111111abcdef8.cloudfront.net";
const USER: &str = "5f0c3c9e-0000-4000-8000-000000000000";
const DISPOSITION_OF_CAT: &str = "attachment; filename*=UTF-8''%E7%8C%AB%20%26%2Ejpg";

/// An edge with this private key.
fn edge(pem: &str) -> Edge {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .build();
    let secret = Secret::new(&config, "edge".to_owned());
    let key = OnceCell::new_with(Some(parsed(pem).unwrap()));
    Edge { key, ..Edge::new(ORIGIN.trim_start_matches("https://"), "K1TESTKEY".to_owned(), secret) }
}

/// A new key as PEM, and what botocore signs with it.
fn botocore(requests: &[Value]) -> (String, Vec<String>) {
    let python = std::env::var_os("DARKROOM_BOTOCORE").expect(MISSING);
    let mut script = Command::new(python)
        .args(["-c", include_str!("cloudfront.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let work = json!({"key_id": "K1TESTKEY", "requests": requests}).to_string();
    script.stdin.take().unwrap().write_all(work.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).expect("what botocore signed");
    (
        serde_json::from_value(made["pem"].clone()).unwrap(),
        serde_json::from_value(made["urls"].clone()).unwrap(),
    )
}

fn original(version: u32) -> ObjectKey {
    format!("{USER}/01JZ8Q4V7N2M5K3R6T9W0XYZAB/{version}").parse().unwrap()
}

fn thumbnail<'a>(original: &'a ObjectKey, key: &'a str, rest: &'a str) -> File<'a> {
    File { bucket: Bucket::Derived, key, disposition: None, family: Some(Family { original, rest }) }
}

fn download(key: &str) -> File<'_> {
    File { bucket: Bucket::Originals, key, disposition: Some(DISPOSITION_OF_CAT), family: None }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[tokio::test]
async fn urls_equal_those_of_botocore_byte_by_byte() {
    let (one, twelve) = (original(1), original(12));
    let expires_at = at("2026-11-29T10:00:00Z");
    let id = "?".repeat(26);
    let escaped = "attachment%3B%20filename%2A%3DUTF-8%27%27%25E7%258C%25AB%2520%2526%252Ejpg";
    let (small, large) = (format!("{one}/200.webp"), format!("{twelve}/1200.jpg"));
    let rendition = format!("{one}/w320-h240-cover-0.5x0.5-q80-webp");
    let download_url = format!("{ORIGIN}/o/{one}?response-content-disposition={escaped}");
    let custom = |url: String, resource: String| json!({"url": url, "expires": expires_at.as_second(), "resource": resource});
    let canned = |url: String| json!({"url": url, "expires": expires_at.as_second()});
    let (pem, expected) = botocore(&[
        custom(format!("{ORIGIN}/t/{small}"), format!("{ORIGIN}/t/{USER}/{id}/?/200.webp")),
        custom(format!("{ORIGIN}/t/{large}"), format!("{ORIGIN}/t/{USER}/{id}/??/1200.jpg")),
        canned(format!("{ORIGIN}/t/{rendition}")),
        canned(download_url.clone()),
        custom(download_url, format!("{ORIGIN}/o/{USER}/{id}/??response-content-disposition=attachment%3B*")),
    ]);
    let edge = edge(&pem);
    let key = one.to_string();
    let family = Family { original: &one, rest: "?response-content-disposition=attachment%3B*" };
    let files = [
        thumbnail(&one, &small, "/200.webp"),
        thumbnail(&twelve, &large, "/1200.jpg"),
        File { bucket: Bucket::Derived, key: &rendition, disposition: None, family: None },
        download(&key),
        File { family: Some(family), ..download(&key) },
    ];
    for (file, expected) in files.into_iter().zip(expected) {
        assert_eq!(edge.url(file, expires_at).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_thumbnails_of_a_list_share_a_signature_and_nothing_else_does() {
    let edge = edge(&botocore(&[]).0);
    let query = async |key: String, rest: &'static str| {
        let original = key.strip_suffix(rest).unwrap().parse().unwrap();
        let url = edge.url(thumbnail(&original, &key, rest), at("2026-11-29T10:00:00Z")).await.unwrap();
        url.split_once('?').unwrap().1.to_owned()
    };
    let (one, other) = ("01JZ8Q4V7N2M5K3R6T9W0XYZAB", "01JZ8Q4V7N2M5K3R6T9W0XYZAC");
    let known = query(format!("{USER}/{one}/1/200.webp"), "/200.webp").await;
    assert_eq!(query(format!("{USER}/{other}/7/200.webp"), "/200.webp").await, known);
    let other_user = "5f0c3c9e-0000-4000-8000-000000000001";
    for (key, rest) in [
        (format!("{USER}/{one}/1/400.webp"), "/400.webp"),
        (format!("{USER}/{one}/1/200.jpg"), "/200.jpg"),
        (format!("{USER}/{one}/10/200.webp"), "/200.webp"),
        (format!("{other_user}/{one}/1/200.webp"), "/200.webp"),
    ] {
        assert_ne!(query(key.clone(), rest).await, known, "{key}");
    }
    assert_eq!(edge.shared.lock().unwrap().len(), 5);
}

/// What CloudFront does with a resource: `*` is any text and `?` is any character.
fn grants(resource: &str, url: &str) -> bool {
    match resource.split_at_checked(1) {
        None => url.is_empty(),
        Some(("*", rest)) => (0..=url.len()).any(|end| grants(rest, &url[end..])),
        Some((first, rest)) => url
            .split_at_checked(1)
            .is_some_and(|(one, more)| (first == "?" || first == one) && grants(rest, more)),
    }
}

#[test]
fn a_shared_signature_grants_one_size_of_one_user_alone() {
    let edge = edge(&botocore(&[]).0);
    let original = original(1);
    let resource = edge.resource(Bucket::Derived, Family { original: &original, rest: "/200.webp" });
    let (id, other) = ("01JZ8Q4V7N2M5K3R6T9W0XYZAB", "5f0c3c9e-0000-4000-8000-000000000001");
    for path in
        [format!("/t/{USER}/{id}/1/200.webp"), format!("/t/{USER}/01JZ8Q4V7N2M5K3R6T9W0XYZAC/9/200.webp")]
    {
        assert!(grants(&resource, &format!("{ORIGIN}{path}")), "{path}");
    }
    for path in [
        format!("/t/{USER}/{id}/1/1200.webp"),
        format!("/t/{USER}/{id}/1/200.webp?x=1"),
        format!("/t/{USER}/{id}/1/1200.webp?x=/200.webp"),
        format!("/t/{USER}/{id}/1/w320-scale-down-q80-webp?/1/200.webp"),
        format!("/t/{USER}/{id}/1/stripped?/200.webp"),
        format!("/t/{other}/{id}/1/200.webp"),
        format!("/o/{USER}/{id}/1"),
        format!("/o/{USER}/{id}/1?x=/1/200.webp"),
        "/api/images".to_owned(),
    ] {
        assert!(!grants(&resource, &format!("{ORIGIN}{path}")), "{path}");
    }
}

#[tokio::test]
async fn a_picture_keeps_its_address_for_hours_and_an_original_for_minutes() {
    let addresses = Addresses::Edge(edge(&botocore(&[]).0));
    let original = original(1);
    let (small, key) = (format!("{original}/200.webp"), original.to_string());
    let picture = async |time| {
        let file = thumbnail(&original, &small, "/200.webp");
        addresses.link(file, Lifetime::Picture(at(time))).await.unwrap()
    };
    let first = picture("2026-11-29T08:00:00Z").await;
    assert_eq!(picture("2026-11-29T11:59:59Z").await, first);
    assert_eq!(first.expires_at, at("2026-11-29T14:00:00Z"));
    assert_ne!(picture("2026-11-29T12:00:00Z").await, first);

    let link = async |lifetime| addresses.link(download(&key), lifetime).await.unwrap();
    let first = link(Lifetime::Original(at("2026-11-29T08:00:00Z"))).await;
    assert_eq!(link(Lifetime::Original(at("2026-11-29T08:14:59Z"))).await, first);
    assert_eq!(first.expires_at, at("2026-11-29T09:00:00Z"));
    let brief = link(Lifetime::Exactly(at("2026-11-29T08:01:07Z"), 900)).await;
    assert_eq!(brief.expires_at, at("2026-11-29T08:16:07Z"));
}

#[test]
fn only_the_domain_of_a_local_stack_has_no_tls() {
    let key = botocore(&[]).0;
    assert_eq!(edge(&key).origin, ORIGIN);
    let secret = edge(&key).secret;
    let local = Edge::new("darkroomedge.cloudfront.localhost:4566", String::new(), secret);
    assert_eq!(local.origin, "http://darkroomedge.cloudfront.localhost:4566");
}

#[test]
fn a_secret_that_is_no_key_is_an_internal_error_that_does_not_show_it() {
    let elliptic = botocore(&[]).0.replace("PRIVATE", "EC PRIVATE");
    for text in ["", "hunter2", &elliptic] {
        let error = parsed(text).unwrap_err();
        assert!(matches!(error, CallError::Internal(_)), "{error:?}");
        assert!(text.is_empty() || !aws::causes(&error).contains(text), "{error:?}");
    }
}

/// `cargo test --release -p store --lib edge -- --ignored --nocapture` prints what an address costs.
#[tokio::test]
#[ignore = "a measurement"]
async fn measure_addresses() {
    const COUNT: u32 = 500;
    let edge = edge(&botocore(&[]).0);
    let original = original(1);
    let (small, key) = (format!("{original}/200.webp"), original.to_string());
    let expires_at = at("2026-11-29T10:00:00Z");
    let report = |what: &str, time: Duration| {
        println!("{what}: {:.1} µs", time.as_secs_f64() * 1e6 / f64::from(COUNT));
    };
    let start = Instant::now();
    for _ in 0..COUNT {
        edge.url(download(&key), expires_at).await.unwrap();
    }
    report("an address with a signature of its own", start.elapsed());
    let start = Instant::now();
    for _ in 0..COUNT {
        edge.url(thumbnail(&original, &small, "/200.webp"), expires_at).await.unwrap();
    }
    report("an address with a shared signature", start.elapsed());
}

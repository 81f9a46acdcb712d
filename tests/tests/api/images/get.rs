//! `GET /api/images/{id}`, and rules of all paths with an id

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use tests::{Answer, Stack, User, id_of, pictures};

/// Every endpoint of one image.
const ENDPOINTS: [(&str, &str); 8] = [
    ("GET", ""),
    ("GET", "/status"),
    ("GET", "/thumbnail"),
    ("POST", "/upload"),
    ("POST", "/links"),
    ("GET", "/links"),
    ("PATCH", ""),
    ("DELETE", ""),
];

async fn ask(user: &User, (method, path): (&str, &str), id: &str) -> Result<Answer> {
    let address = format!("/api/images/{id}{path}");
    match (method, path) {
        ("POST", "/links") => user.post(&address, &json!({"expires_in": 300})).await,
        ("POST", _) => user.post_empty(&address).await,
        ("PATCH", _) => user.patch(&address, &json!({"title": "x"})).await,
        ("DELETE", _) => user.delete(&address).await,
        _ => user.get(&address).await,
    }
}

#[tokio::test]
async fn anothers_image_is_not_there_just_like_one_that_never_was() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let created = ann.create("image/png", 10).await?;
    for endpoint in ENDPOINTS {
        let theirs = ask(&bob, endpoint, created.id()).await?.problem(404, "not-found")?;
        let nobodys = ask(&bob, endpoint, "01JZ0000000000000000000000").await?.problem(404, "not-found")?;
        assert_eq!(theirs, nobodys, "{endpoint:?}");
    }
    assert_eq!(ann.image(created.id()).await?["status"], "pending");
    Ok(())
}

#[tokio::test]
async fn an_id_that_cannot_be_is_not_there_either() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let lower = created.id().to_lowercase();
    for endpoint in ENDPOINTS {
        for id in ["1", "%00", &lower, &"0".repeat(1000)] {
            ask(&user, endpoint, id).await?.problem(404, "not-found")?;
        }
        // For the gateway, this is another path.
        ask(&user, endpoint, "..%2Fx").await?.expect(404)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_record_past_its_time_is_hidden_from_every_endpoint() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    user.change_record(created.id(), "SET expires_at = :at", json!({":at": 1})).await?;
    for endpoint in ENDPOINTS {
        ask(&user, endpoint, created.id()).await?.problem(404, "not-found")?;
    }
    let page = user.get("/api/images").await?.json(200)?;
    assert_eq!(page["images"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_picture_keeps_its_address_from_one_read_to_the_next() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    // Addresses change every quarter of an hour. This can happen once between two reads.
    let (first, second, third) = (user.image(id).await?, user.image(id).await?, user.image(id).await?);
    assert!(first == second || second == third, "{first} {second} {third}");
    Ok(())
}

#[tokio::test]
async fn an_address_works_without_a_token_and_for_nothing_else() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let url = image["thumbnails"][0]["url"].as_str().unwrap();
    let thumbnail = stack.fetch(url).await?.expect(200)?;
    assert_eq!(thumbnail.header("cache-control"), "private, max-age=31536000, immutable");
    let (bare, _) = url.split_once('?').unwrap();
    stack.fetch(bare).await?.expect(403)?;
    let other_key = url.replace("/200.", "/400.");
    stack.fetch(&other_key).await?.expect(403)?;
    let answer = stack.request_url(Method::DELETE, url).send().await?;
    assert_eq!(answer.status(), 403);
    Ok(())
}

//! Pictures at the edge: `/t/…` and `/o/…`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Answer, Stack, Tier, User, id_of, pictures, until};

use crate::{KEYS, signer::Signer};

/// A user with a picture.
async fn user_with_picture(stack: &Stack) -> Result<(User, Value)> {
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    Ok((user, image))
}

fn thumbnail(image: &Value) -> Result<&str> {
    image["thumbnails"][0]["url"].as_str().with_context(|| format!("no thumbnail: {image}"))
}

/// The address without its signature.
fn bare(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// Requires that CloudFront refuses a request before it asks S3.
fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains(&format!("<Code>{code}</Code>")), "{}", answer.text());
    assert_eq!(answer.header("x-cache"), "Error from cloudfront");
}

#[tokio::test]
async fn a_picture_keeps_its_address_and_the_edge_asks_the_bucket_once() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let (user, image) = user_with_picture(&stack).await?;
    let url = thumbnail(&image)?;
    assert!(url.starts_with(&format!("{}/t/{}/", stack.outputs.edge_url, user.id)), "{url}");
    let first = stack.fetch(url).await?.expect(200)?;
    assert_eq!(
        (first.header("x-cache"), first.header("content-type")),
        ("Miss from cloudfront", "image/jpeg")
    );
    // Users' files have the page's origin, and no browser may run one as a page.
    assert_eq!(first.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert_eq!(first.header("cache-control"), "private, max-age=31536000, immutable");
    // A browser that asks again, in a list and alone, has the same address.
    let again = user.image(id_of(&image)?).await?;
    let listed = user.get("/api/images?limit=1").await?.json(200)?;
    assert_eq!(thumbnail(&again)?, url);
    assert_eq!(thumbnail(&listed["images"][0])?, url);
    let second = stack.fetch(url).await?.expect(200)?;
    assert_eq!(second.header("x-cache"), "Hit from cloudfront");
    assert_eq!(second.bytes, first.bytes);
    Ok(())
}

#[tokio::test]
async fn a_download_of_an_original_has_its_file_name() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let (user, image) = user_with_picture(&stack).await?;
    let url = image["original_url"].as_str().context("no original")?;
    assert!(url.starts_with(&format!("{}/o/{}/", stack.outputs.edge_url, user.id)), "{url}");
    let answer = stack.fetch(url).await?.expect(200)?;
    assert_eq!(answer.header("content-disposition"), "attachment; filename*=UTF-8''picture");
    pictures::check_quadrants(&answer.bytes, 640, 480)?;
    // The parameter belongs to the signed address.
    let renamed = url.replacen("UTF-8", "UTF-9", 1);
    assert_ne!(renamed, url);
    refused(&stack.fetch(&renamed).await?, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn the_archive_of_a_download_has_its_file_name() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let (user, image) = user_with_picture(&stack).await?;
    let download = user.post("/api/downloads", &json!({"image_ids": [id_of(&image)?]})).await?.json(202)?;
    let path = format!("/api/downloads/{}", id_of(&download)?);
    let url = until("the archive", async || {
        let download = user.get(&path).await?.json(200)?;
        Ok(download["url"].as_str().map(ToOwned::to_owned))
    })
    .await?;
    assert!(url.starts_with(&format!("{}/t/downloads/{}/", stack.outputs.edge_url, user.id)), "{url}");
    let answer = stack.fetch(&url).await?.expect(200)?;
    assert_eq!(answer.header("content-type"), "application/zip");
    assert!(answer.header("content-disposition").starts_with("attachment; filename*=UTF-8''darkroom"));
    // The parameter belongs to the signed address.
    refused(&stack.fetch(&url.replacen("%27darkroom", "%27lightroom", 1)).await?, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn the_address_behind_a_link_works_no_longer_than_the_link() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let (user, image) = user_with_picture(&stack).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    let link = user.post(&path, &json!({"expires_in": 300, "strip_metadata": false})).await?.json(201)?;
    let visit = stack.request(reqwest::Method::GET, &format!("/l/{}", id_of(&link)?));
    let redirect = tests::send(visit).await?.expect(302)?;
    let location = redirect.header("location");
    let ends_at: jiff::Timestamp = link["expires_at"].as_str().context("no time")?.parse()?;
    assert!(location.contains(&format!("&Expires={}&", ends_at.as_second())), "{location}");
    stack.fetch(location).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn without_a_valid_signature_nobody_sees_a_picture() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let ((user, image), (_, other)) = (user_with_picture(&stack).await?, user_with_picture(&stack).await?);
    let (url, path) = (thumbnail(&image)?, bare(thumbnail(&image)?));
    // The first request fills the cache, which must not help.
    stack.fetch(url).await?.expect(200)?;
    refused(&stack.fetch(path).await?, "MissingKey");
    refused(&stack.fetch(&url.replacen("Signature=", "Signature=A", 1)).await?, "AccessDenied");
    refused(&stack.fetch(&url.replacen("Key-Pair-Id=", "Key-Pair-Id=X", 1)).await?, "AccessDenied");
    // The signature for one user's pictures, at another user's picture.
    let (_, signature) = url.split_once('?').context("no signature")?;
    refused(&stack.fetch(&format!("{}?{signature}", bare(thumbnail(&other)?))).await?, "AccessDenied");

    let signer = Signer::of(&stack).await?;
    let all = format!("{}/t/{}/*", stack.outputs.edge_url, user.id);
    stack.fetch(&signer.sign(path, &all, 60)?).await?.expect(200)?;
    refused(&stack.fetch(&signer.sign(path, &all, -1)?).await?, "AccessDenied");
    refused(&stack.fetch(&signer.sign(path, &all.replace("/t/", "/o/"), 60)?).await?, "AccessDenied");
    let stranger = Signer::stranger(&signer.key_id)?;
    refused(&stack.fetch(&stranger.sign(path, &all, 60)?).await?, "AccessDenied");
    // The path in the bucket is no address of a picture.
    let in_bucket = path.replacen("/t/", "/", 1);
    stack.fetch(&in_bucket).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn other_web_pages_may_read_pictures_if_the_deployment_allows_them() -> Result<()> {
    let _keys = KEYS.read().await;
    let stack = Stack::connect_to_edge()?;
    let (_, image) = user_with_picture(&stack).await?;
    for url in [thumbnail(&image)?, image["original_url"].as_str().context("no original")?] {
        for (origin, allowed) in [
            (stack.outputs.allowed_origin.as_str(), stack.outputs.allowed_origin.as_str()),
            ("http://evil.example", ""),
            (stack.outputs.allowed_origin.as_str(), stack.outputs.allowed_origin.as_str()),
        ] {
            let request = stack.request_url(reqwest::Method::GET, url).header("origin", origin);
            let answer = tests::send(request).await?.expect(200)?;
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        }
    }
    Ok(())
}

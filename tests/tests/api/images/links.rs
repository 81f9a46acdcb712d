//! `POST /api/images/{id}/links`

use anyhow::{Context, Result};
use serde_json::json;
use tests::{Stack, Tier, id_of, pictures};

#[tokio::test]
async fn a_link_opens_the_original_without_a_token_for_as_long_as_asked() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg(64, 64)?;
    let image = user.upload_and_develop("image/jpeg", photo.clone()).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    for seconds in [300, 30_000] {
        let link = user.post(&path, &json!({"expires_in": seconds})).await?.json(201)?;
        let url = link["url"].as_str().context("no url")?;
        assert!(url.contains(&format!("X-Amz-Expires={seconds}&")), "{url}");
        assert!(link["expires_at"].is_string(), "{link}");
        assert_eq!(stack.fetch(url).await?.expect(200)?.bytes, photo);
    }
    Ok(())
}

#[tokio::test]
async fn a_time_out_of_bounds_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", user.create("image/png", 10).await?.id());
    for seconds in [json!(299), json!(30_001), json!(-1), json!("300"), json!(300.5)] {
        let problem =
            user.post(&path, &json!({"expires_in": seconds})).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], "expires_in", "{seconds}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tier_without_links_gives_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    user.post(&path, &json!({"expires_in": 300})).await?.problem(403, "links-not-in-tier")?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_or_not_ready_has_no_link() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user_in(Tier::ENTERPRISE), stack.user_in(Tier::ENTERPRISE))?;
    let path = format!("/api/images/{}/links", ann.create("image/png", 10).await?.id());
    let body = json!({"expires_in": 300});
    ann.post(&path, &body).await?.problem(409, "image-not-ready")?;
    bob.post(&path, &body).await?.problem(404, "not-found")?;
    Ok(())
}

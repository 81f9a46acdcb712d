//! `GET /api/images/{id}/thumbnail`, and what thumbnails look like

use anyhow::Result;
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use tests::{Stack, Tier, id_of, pictures, send, until};

#[tokio::test]
async fn a_thumbnail_is_a_redirect_away() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let path = format!("/api/images/{}/thumbnail", id_of(&image)?);
    // Without a size, the API serves the smallest.
    for (query, width, height) in [("?size=400", 400, 300), ("", 200, 150)] {
        let answer = user.get(&format!("{path}{query}")).await?.expect(302)?;
        let thumbnail = stack.fetch(answer.header("location")).await?.expect(200)?;
        pictures::check_quadrants(&thumbnail.bytes, width, height)?;
    }
    Ok(())
}

#[tokio::test]
async fn who_accepts_json_gets_the_address_as_json() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let path = format!("/api/images/{}/thumbnail?size=200", id_of(&image)?);
    let request = user.request(Method::GET, &path).header("accept", "application/json");
    let answer = send(request).await?.json(200)?;
    assert_eq!((&answer["width"], &answer["height"]), (&json!(200), &json!(150)));
    assert_eq!(answer["content_type"], "image/jpeg");
    assert!(answer["expires_at"].is_string(), "{answer}");
    let thumbnail = stack.fetch(answer["url"].as_str().unwrap()).await?.expect(200)?;
    pictures::check_quadrants(&thumbnail.bytes, 200, 150)
}

#[tokio::test]
async fn a_size_that_the_tier_lacks_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/thumbnail", id_of(&image)?);
    user.get(&format!("{path}?size=400")).await?.problem(403, "size-not-in-tier")?;
    for size in ["0", "-1", "x", "99999999999"] {
        let answer = user.get(&format!("{path}?size={size}")).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], "size", "{size}");
    }
    Ok(())
}

#[tokio::test]
async fn an_image_that_is_not_ready_has_no_thumbnail_yet() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 10).await?;
    let path = format!("/api/images/{}/thumbnail", created.id());
    user.get(&path).await?.problem(409, "image-not-ready")?;
    Ok(())
}

#[tokio::test]
async fn however_the_camera_was_held_the_thumbnail_is_upright() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    try_join_all((1..=8).map(async |orientation| {
        let photo = pictures::jpeg_held(orientation, 400, 240)?;
        let image = user.upload_and_develop("image/jpeg", photo).await?;
        assert_eq!((&image["width"], &image["height"]), (&json!(400), &json!(240)), "{orientation}");
        let thumbnail = user.thumbnail(&image, 200).await?;
        pictures::check_quadrants(&thumbnail.bytes, 200, 120)
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_very_thin_picture_keeps_a_pixel_and_a_small_one_its_size() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (original, thumbnail) in
        [((1, 900), (1, 200)), ((900, 1), (200, 1)), ((1, 1), (1, 1)), ((40, 30), (40, 30))]
    {
        let image = user.upload_and_develop("image/png", pictures::png(original.0, original.1)?).await?;
        let made = &image["thumbnails"][0];
        assert_eq!((&made["width"], &made["height"]), (&json!(thumbnail.0), &json!(thumbnail.1)), "{image}");
        let bytes = user.thumbnail(&image, 200).await?.bytes;
        let picture = image::load_from_memory(&bytes)?;
        assert_eq!((picture.width(), picture.height()), thumbnail);
    }
    Ok(())
}

#[tokio::test]
async fn a_size_that_the_tier_gained_is_developed_once_and_kept() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    let id = id_of(&image)?;
    let path = format!("/api/images/{id}/thumbnail?size=400");
    user.get(&path).await?.problem(403, "size-not-in-tier")?;
    let tier = format!("/api/admin/users/{}/tier", user.id);
    admin.put(&tier, &json!({"tier": "enterprise"})).await?.expect(200)?;

    // Several requests at the same time all get it, and it is created once. If that takes long, some are put off.
    let get = async || {
        until("the thumbnail", async || {
            let answer = user.get(&path).await?;
            Ok((answer.status != 503).then_some(answer))
        })
        .await
    };
    for answer in try_join_all((0..3).map(|_| get())).await? {
        let redirect = answer.expect(302)?;
        let thumbnail = stack.fetch(redirect.header("location")).await?.expect(200)?;
        pictures::check_quadrants(&thumbnail.bytes, 400, 300)?;
    }
    let after = user.image(id).await?;
    let sizes: Vec<_> = after["thumbnails"].as_array().unwrap().iter().map(|t| &t["size"]).collect();
    // The tier's other sizes were created at the same time.
    assert_eq!(sizes, [200, 400, 1200]);
    assert_eq!(user.objects(id).await?.1.len(), 3);
    let record = user.record(id).await?;
    user.get(&path).await?.expect(302)?;
    assert_eq!(user.record(id).await?, record);
    Ok(())
}

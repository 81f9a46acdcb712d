//! `POST /api/images/{id}/links`, `GET /api/images/{id}/links` and `DELETE /api/images/{id}/links/{link_id}`

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, send, unique};

use super::shared::{opened, unchanged};

/// An image of a user whose tier allows links, and the address of its links.
async fn photo(stack: &Stack) -> Result<(User, String, Vec<u8>)> {
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg(64, 64)?;
    let image = user.upload_and_develop("image/jpeg", photo.clone()).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    Ok((user, path, photo))
}

async fn listed(user: &User, path: &str) -> Result<Vec<Value>> {
    let list = user.get(path).await?.json(200)?;
    Ok(list["links"].as_array().context("no links")?.clone())
}

#[tokio::test]
async fn a_link_shows_the_picture_without_a_token_for_as_long_as_asked() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, path, photo) = photo(&stack).await?;
    for (seconds, download) in [(300, true), (2_592_000, false)] {
        let mut body = unchanged();
        (body["expires_in"], body["download"]) = (json!(seconds), json!(download));
        let link = user.post(&path, &body).await?.json(201)?;
        assert_eq!(link["url"], format!("{}/l/{}", stack.outputs.api_url, id_of(&link)?));
        let expires_at: Timestamp = link["expires_at"].as_str().context("no time")?.parse()?;
        let left = expires_at.as_second() - Timestamp::now().as_second();
        ensure!((seconds - 60..=seconds).contains(&left), "{link}");
        let file = opened(&stack, &link).await?;
        assert_eq!(file.bytes, photo);
        let kind = if download { "attachment" } else { "inline" };
        assert_eq!(file.header("content-disposition"), format!("{kind}; filename*=UTF-8''picture"));
    }
    Ok(())
}

#[tokio::test]
async fn a_time_out_of_bounds_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let path = format!("/api/images/{}/links", user.create("image/png", 10).await?.id());
    for seconds in [json!(299), json!(2_592_001), json!(-1), json!("300"), json!(300.5)] {
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
    assert!(listed(&user, &path).await?.is_empty());
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

#[tokio::test]
async fn links_are_listed_newest_first_with_their_views_until_they_are_revoked_or_expire() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, path, _) = photo(&stack).await?;
    let other = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    user.post(&format!("/api/images/{}/links", id_of(&other)?), &unchanged()).await?.expect(201)?;
    let mut links = Vec::new();
    for _ in 0..3 {
        links.insert(0, user.post(&path, &unchanged()).await?.json(201)?);
    }
    assert_eq!(listed(&user, &path).await?, links);
    for _ in 0..2 {
        opened(&stack, &links[1]).await?;
    }
    links[1]["views"] = json!(2);
    assert_eq!(listed(&user, &path).await?, links);
    // DynamoDB deletes an expired item only later.
    user.change_link(&links[0], "SET expires_at = :past", json!({":past": 1})).await?;
    user.delete(&format!("{path}/{}", id_of(&links[2])?)).await?.expect(204)?;
    assert_eq!(listed(&user, &path).await?, links[1..2]);
    for gone in [&links[0], &links[2]] {
        user.delete(&format!("{path}/{}", id_of(gone)?)).await?.problem(404, "link-not-found")?;
    }
    Ok(())
}

#[tokio::test]
async fn nobody_but_the_owner_lists_or_revokes_links() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, path, _) = photo(&stack).await?;
    let link = user.post(&path, &unchanged()).await?.json(201)?;
    let (id, image) = (id_of(&link)?, id_of(&link)?.split('-').nth(1).context("no image")?);
    let (bob, admin) = tokio::try_join!(stack.user_in(Tier::ENTERPRISE), stack.admin())?;
    for other in [&bob, &admin] {
        other.get(&path).await?.problem(404, "not-found")?;
        other.delete(&format!("{path}/{id}")).await?.problem(404, "link-not-found")?;
    }
    send(stack.request(Method::DELETE, &format!("{path}/{id}"))).await?.expect(401)?;
    for wrong in ["x", image, &id[..26]] {
        user.delete(&format!("{path}/{wrong}")).await?.problem(404, "link-not-found")?;
    }
    let other = format!("/api/images/01JZ0000000000000000000000/links/{id}");
    user.delete(&other).await?.problem(404, "link-not-found")?;
    opened(&stack, &link).await.map(drop)
}

#[tokio::test]
async fn the_same_request_at_once_and_later_makes_one_link() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, path, _) = photo(&stack).await?;
    let key = unique("key");
    let body = json!({"expires_in": 300});
    let again = || user.post_once(&path, &key, &body);
    let answers = futures_util::future::try_join_all((0..4).map(|_| again())).await?;
    let mut links = answers.into_iter().map(|answer| answer.json(201)).collect::<Result<Vec<_>>>()?;
    links.push(again().await?.json(201)?);
    links.dedup();
    assert_eq!(links, listed(&user, &path).await?);
    user.post_once(&path, &key, &json!({"expires_in": 301})).await?.problem(422, "idempotency-key-reused")?;
    Ok(())
}

#[tokio::test]
async fn a_link_can_show_a_rendition() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(600, 400)?).await?;
    let path = format!("/api/images/{}/links", id_of(&image)?);
    let body = json!({
        "expires_in": 300, "download": false,
        "rendition": {"width": 100, "height": 50, "dpr": 2, "fit": "cover", "format": "png"},
    });
    let link = user.post(&path, &body).await?.json(201)?;
    let shown = json!({"width": 200, "height": 100, "fit": "cover", "gravity": "auto", "format": "png"});
    assert_eq!((&link["rendition"], &link["strip_metadata"]), (&shown, &json!(true)));
    let file = opened(&stack, &link).await?;
    assert_eq!(file.header("content-type"), "image/png");
    assert_eq!(file.header("content-disposition"), "inline; filename*=UTF-8''picture%2Epng");
    pictures::check_quadrants(&file.bytes, 200, 100)?;
    for (field, rendition) in [
        ("rendition", json!({"fit": "cover"})),
        ("rendition.width", json!({"width": 5000})),
        ("rendition.sharpen", json!({"width": 1, "sharpen": 1})),
    ] {
        let body = json!({"expires_in": 300, "rendition": rendition});
        let problem = user.post(&path, &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field);
    }
    Ok(())
}

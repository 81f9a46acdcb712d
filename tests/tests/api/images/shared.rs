//! `GET /l/{link_id}`: what visitors of expiring links see

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Stack, Tier, User, id_of, pictures, send, until};

/// A request for a link that shows the original as it is.
pub(super) fn unchanged() -> Value {
    json!({"expires_in": 300, "strip_metadata": false})
}

/// The response to a visitor of a link.
async fn visit(stack: &Stack, method: Method, link: &Value) -> Result<Answer> {
    send(stack.request(method, &format!("/l/{}", id_of(link)?))).await
}

/// The file that a link shows.
pub(super) async fn opened(stack: &Stack, link: &Value) -> Result<Answer> {
    let redirect = visit(stack, Method::GET, link).await?.expect(302)?;
    ensure!(redirect.bytes.is_empty(), "{redirect:?}");
    stack.fetch(redirect.header("location")).await?.expect(200)
}

async fn shows_nothing(stack: &Stack, link: &Value) -> Result<()> {
    visit(stack, Method::GET, link).await?.problem(404, "link-not-found").map(drop)
}

struct Photo {
    user: User,
    id: String,
    bytes: Vec<u8>,
}

impl Photo {
    async fn new(stack: &Stack) -> Result<Self> {
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let bytes = pictures::jpeg(64, 64)?;
        let image = user.upload_and_develop("image/jpeg", bytes.clone()).await?;
        Ok(Self { id: id_of(&image)?.to_owned(), user, bytes })
    }

    async fn link(&self, body: &Value) -> Result<Value> {
        self.user.post(&format!("/api/images/{}/links", self.id), body).await?.json(201)
    }

    async fn views(&self) -> Result<Value> {
        let list = self.user.get(&format!("/api/images/{}/links", self.id)).await?.json(200)?;
        Ok(list["links"][0]["views"].clone())
    }
}

#[tokio::test]
async fn a_revoked_link_and_an_expired_one_show_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let (revoked, expired) = (photo.link(&unchanged()).await?, photo.link(&unchanged()).await?);
    for link in [&revoked, &expired] {
        assert_eq!(opened(&stack, link).await?.bytes, photo.bytes);
    }
    let path = format!("/api/images/{}/links/{}", photo.id, id_of(&revoked)?);
    photo.user.delete(&path).await?.expect(204)?;
    // DynamoDB deletes an expired item only later.
    photo.user.change_link(&expired, "SET expires_at = :past", json!({":past": 1})).await?;
    for link in [&revoked, &expired] {
        shows_nothing(&stack, link).await?;
    }
    // A visit does not bring a revoked link back.
    assert_eq!(photo.user.link_item(&revoked).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_person_who_opens_a_link_that_does_not_work_sees_a_sentence() -> Result<()> {
    let stack = Stack::connect()?;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    let request = stack.request(Method::GET, "/l/x").header("accept", browser);
    let page = send(request).await?.expect(404)?;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    ensure!(page.text().contains("It has expired or was revoked."), "{}", page.text());
    // A browser that loads a picture gets the problem.
    let request =
        stack.request(Method::GET, "/l/x").header("accept", "image/avif,image/webp,image/*,*/*;q=0.8");
    send(request).await?.problem(404, "link-not-found").map(drop)
}

#[tokio::test]
async fn a_link_to_a_deleted_image_shows_nothing_and_goes() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let links = [photo.link(&unchanged()).await?, photo.link(&json!({"expires_in": 300})).await?];
    photo.user.delete(&format!("/api/images/{}?permanent=true", photo.id)).await?.expect(204)?;
    for link in &links {
        shows_nothing(&stack, link).await?;
        until("the link to go", async || Ok(photo.user.link_item(link).await?.is_none().then_some(())))
            .await?;
    }
    let profile = photo.user.get("/api/auth/profile").await?.json(200)?;
    assert_eq!(profile["usage"]["links"], 0);
    photo.user.objects_vanish(&photo.id).await
}

#[tokio::test]
async fn after_a_replacement_a_link_shows_the_new_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let (link, stripped) = (photo.link(&unchanged()).await?, photo.link(&json!({"expires_in": 300})).await?);
    let new = pictures::jpeg(96, 48)?;
    let replacement = photo.user.replace(&photo.id, "image/jpeg", new.len()).await?;
    // Until the file has arrived and is developed, the current picture stays.
    assert_eq!(opened(&stack, &link).await?.bytes, photo.bytes);
    stack.put(&replacement.upload, new.clone()).await?.expect(200)?;
    photo.user.developed(&photo.id).await?;
    assert_eq!(opened(&stack, &link).await?.bytes, new);
    pictures::check_quadrants(&opened(&stack, &stripped).await?.bytes, 96, 48)
}

#[tokio::test]
async fn a_replacement_that_fails_leaves_the_link_as_it_was() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let link = photo.link(&unchanged()).await?;
    let replacement = photo.user.replace(&photo.id, "image/jpeg", 4).await?;
    stack.put(&replacement.upload, b"text".to_vec()).await?.expect(200)?;
    assert_eq!(photo.user.developed(&photo.id).await?["status"], "failed");
    assert_eq!(opened(&stack, &link).await?.bytes, photo.bytes);
    Ok(())
}

#[tokio::test]
async fn head_returns_the_same_and_counts_no_view() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let link = photo.link(&unchanged()).await?;
    let get = visit(&stack, Method::GET, &link).await?.expect(302)?;
    // The contract describes HEAD with GET.
    let url = format!("{}/l/{}", stack.outputs.api_url, id_of(&link)?);
    let head = send(stack.request_url(Method::HEAD, &url)).await?.expect(302)?;
    for name in ["location", "cache-control", "x-robots-tag"] {
        let without_signature =
            |answer: &Answer| answer.header(name).split("X-Amz-Date").next().unwrap_or_default().to_owned();
        assert_eq!(without_signature(&head), without_signature(&get));
    }
    assert_eq!(photo.views().await?, 1);
    Ok(())
}

#[tokio::test]
async fn many_visitors_at_once_are_all_counted() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let link = photo.link(&unchanged()).await?;
    let visits = (0..20).map(|_| visit(&stack, Method::GET, &link));
    for answer in futures_util::future::try_join_all(visits).await? {
        answer.expect(302)?;
    }
    assert_eq!(photo.views().await?, 20);
    Ok(())
}

#[tokio::test]
async fn nobody_guesses_a_link() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let link = photo.link(&unchanged()).await?;
    let id = id_of(&link)?;
    let (secret, rest) = id.split_at(26);
    let other = photo.user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    for guess in [
        // Whoever knows the ids of the user and the image lacks the secret.
        format!("00000000000000000000000000{rest}"),
        // A secret belongs to one image.
        format!("{secret}-{}-{}", id_of(&other)?, photo.user.id),
        format!("{secret}-{}-00000000-0000-4000-8000-000000000000", photo.id),
        secret.to_owned(),
        id.to_lowercase(),
        photo.id.clone(),
    ] {
        shows_nothing(&stack, &json!({"id": guess})).await.with_context(|| guess.clone())?;
    }
    assert_eq!(photo.views().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_link_follows_the_tier_and_ends_with_the_account() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let link = photo.link(&unchanged()).await?;
    let allow = |allowed: bool| {
        photo.user.change_profile("SET limits.expiring_links = :allowed", json!({":allowed": allowed}))
    };
    allow(false).await?;
    shows_nothing(&stack, &link).await?;
    allow(true).await?;
    opened(&stack, &link).await?;
    photo.user.change_profile("SET deleting_since = :now", json!({":now": "2026-03-12T19:03:58Z"})).await?;
    shows_nothing(&stack, &link).await
}

#[tokio::test]
async fn an_address_shows_one_file_and_nothing_else_of_the_owner() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let other = photo.user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let link = photo.link(&unchanged()).await?;
    let redirect = visit(&stack, Method::GET, &link).await?.expect(302)?;
    let location = redirect.header("location");
    let text = format!("{redirect:?}");
    for private in [&photo.user.username, &photo.user.email] {
        ensure!(!text.contains(private.as_str()), "{text}");
    }
    // The signature is that of one file.
    stack.fetch(location).await?.expect(200)?;
    stack.fetch(&location.replace(&photo.id, id_of(&other)?)).await?.expect(403)?;
    Ok(())
}

#[tokio::test]
async fn an_address_works_no_longer_than_its_link_and_at_most_15_minutes() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let long = photo.link(&json!({"expires_in": 86_400, "strip_metadata": false})).await?;
    let redirect = visit(&stack, Method::GET, &long).await?.expect(302)?;
    ensure!(redirect.header("location").contains("X-Amz-Expires=900&"), "{redirect:?}");

    // The original as it is, and the original without metadata.
    let links = [photo.link(&unchanged()).await?, photo.link(&json!({"expires_in": 300})).await?];
    let ends_at = Timestamp::now().as_second() + 10;
    let mut locations = Vec::new();
    for link in &links {
        photo.user.change_link(link, "SET expires_at = :end", json!({":end": ends_at})).await?;
        let redirect = visit(&stack, Method::GET, link).await?.expect(302)?;
        locations.push(redirect.header("location").to_owned());
    }
    for location in &locations {
        stack.fetch(location).await?.expect(200)?;
    }
    let left = u64::try_from(ends_at - Timestamp::now().as_second()).unwrap_or_default();
    tokio::time::sleep(Duration::from_secs(left + 1)).await;
    for location in &locations {
        stack.fetch(location).await?.expect(403)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_link_of_an_earlier_release_counts_until_it_expires_and_is_not_listed() -> Result<()> {
    let stack = Stack::connect()?;
    let photo = Photo::new(&stack).await?;
    let old = json!({
        "pk": format!("USER#{}", photo.user.id),
        "sk": "LINK#01JZ8Q4V7N2M5K3R6T9W0XYZAB",
        "image": photo.id,
        "expires_at": 4_000_000_000_i64,
    });
    stack.aws.put_item(&stack.outputs.table, &old).await?;
    photo.user.change_profile("SET limits.max_links = :two", json!({":two": 2})).await?;
    photo.link(&unchanged()).await?;
    let path = format!("/api/images/{}/links", photo.id);
    photo.user.post(&path, &unchanged()).await?.problem(409, "quota-exceeded")?;
    let list = photo.user.get(&path).await?.json(200)?;
    assert_eq!(list["links"].as_array().map(Vec::len), Some(1), "{list}");
    Ok(())
}

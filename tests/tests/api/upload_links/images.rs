//! `GET` and `POST /api/upload-links/{id}/images`

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Plan, Stack, Tier, User, id_of, pictures, send, until};

const NUMBER: &str = "+4915123456789";

/// A guest, who has only the path of a link.
struct Guest {
    stack: Stack,
    path: String,
}

impl Guest {
    /// Lets a user create a link.
    async fn of(user: &User, max_images: u32) -> Result<Self> {
        let body = json!({"phone_number": NUMBER, "max_images": max_images, "expires_in": 300});
        let link = user.post("/api/upload-links", &body).await?.json(201)?;
        Ok(Self { stack: user.stack.clone(), path: format!("/api/upload-links/{}/images", id_of(&link)?) })
    }

    fn link(&self) -> &str {
        self.path.trim_start_matches("/api/upload-links/").trim_end_matches("/images")
    }

    async fn get(&self) -> Result<Answer> {
        send(self.stack.request(Method::GET, &self.path)).await
    }

    async fn post(&self, sizes: &[usize]) -> Result<Answer> {
        self.stack.post(&self.path, &files(sizes)).await
    }

    async fn post_once(&self, key: &str, sizes: &[usize]) -> Result<Answer> {
        let request = self.stack.request(Method::POST, &self.path).header("idempotency-key", key);
        send(request.json(&files(sizes))).await
    }

    async fn remaining(&self) -> Result<Value> {
        Ok(self.get().await?.json(200)?["remaining"].take())
    }
}

fn files(sizes: &[usize]) -> Value {
    let file = |size| json!({"file_name": "a.png", "content_type": "image/png", "size": size});
    json!({"files": sizes.iter().map(file).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_guest_sends_pictures_for_a_number_and_sees_progress_and_nothing_of_the_owner() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let guest = Guest::of(&user, 5).await?;
    let sent = [pictures::png(64, 64)?, pictures::png(300, 200)?, b"no picture".to_vec()];
    let created = guest.post(&sent.each_ref().map(Vec::len)).await?.json(201)?;
    let results = created["results"].as_array().context("no results")?;
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["image"]["status"], "pending");
    for (result, file) in results.iter().zip(sent) {
        stack.put(&result["upload"], file).await?.expect(200)?;
    }
    until("the images of the guest", async || {
        let link = guest.get().await?.json(200)?;
        let states = link["images"].as_array().into_iter().flatten();
        let states: Vec<_> = states.map(|image| (image["status"].clone(), image["code"].clone())).collect();
        let ready = (json!("ready"), Value::Null);
        Ok((states == [ready.clone(), ready, (json!("failed"), json!("not-an-image"))]).then_some(()))
    })
    .await?;
    let seen = guest.get().await?.expect(200)?;
    for secret in [NUMBER, &user.username, &user.email, "Enterprise", "enterprise", "http"] {
        assert!(!seen.text().contains(secret), "{secret}: {}", seen.text());
    }
    let link = seen.json(200)?;
    assert_eq!((&link["max_images"], &link["remaining"]), (&json!(5), &json!(2)));
    assert_eq!(link["max_image_bytes"], 50_000_000);
    // The owner has the pictures as those of the number.
    let image = user.image(id_of(&results[1]["image"])?).await?;
    assert_eq!((&image["phone_number"], &image["upload_link"]), (&json!(NUMBER), &json!(guest.link())));
    assert_eq!(image["width"], 300);
    let listed = user.get(&format!("/api/phones/{NUMBER}/images")).await?.json(200)?;
    assert_eq!(listed["images"].as_array().map(Vec::len), Some(3));
    // Whoever knows the link can send pictures, so not even admins receive it.
    let admin = stack.admin().await?;
    let path = format!("/api/admin/images/{}", id_of(&image)?);
    until("the index to show the image", async || Ok((admin.get(&path).await?.status == 200).then_some(())))
        .await?;
    assert_eq!(admin.get(&path).await?.json(200)?["upload_link"], Value::Null);
    // A deleted image is gone for the guest too, and does not give its place back.
    user.delete(&format!("/api/images/{}?permanent=true", id_of(&image)?)).await?.expect(204)?;
    let link = guest.get().await?.json(200)?;
    assert_eq!((link["images"].as_array().map(Vec::len), &link["remaining"]), (Some(2), &json!(2)));
    Ok(())
}

#[tokio::test]
async fn a_link_accepts_as_many_images_as_it_says_however_many_guests_come_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let guest = Guest::of(&user, 5).await?;
    let answers = try_join_all((0..4).map(async |_| guest.post(&[10, 10]).await)).await?;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (2, 2));
    for answer in refused {
        answer.problem(409, "upload-link-full")?;
    }
    assert_eq!((guest.remaining().await?, user.usage().await?), (json!(1), (4, 40)));
    guest.post(&[10]).await?.expect(201)?;
    guest.post(&[10]).await?.problem(409, "upload-link-full")?;
    assert_eq!((guest.remaining().await?, user.usage().await?), (json!(0), (5, 50)));
    Ok(())
}

#[tokio::test]
async fn the_limits_of_the_owner_hold_for_guests_who_do_not_learn_them() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::PREMIUM.with("max_images", 3)).await?;
    let guest = Guest::of(&user, 10).await?;
    let answers = try_join_all((0..5).map(async |_| guest.post(&[10]).await)).await?;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (3, 2));
    for answer in refused {
        let text = answer.text();
        let problem = answer.problem(409, "quota-exceeded")?;
        assert!(problem["limit"].is_null() && !text.contains("Premium") && !text.contains('3'), "{text}");
    }
    // What was refused does not count against the link.
    assert_eq!(guest.remaining().await?, 7);
    let too_large = guest.post(&[10, 25_000_001]).await?.problem(413, "file-too-large")?;
    assert_eq!(
        (&too_large["field"], &too_large["max_image_bytes"]),
        (&json!("files[1].size"), &json!(25_000_000))
    );
    // The tier allows less than it did when the link was created.
    user.change_profile("SET limits.max_image_bytes = :bytes", json!({":bytes": 5})).await?;
    let too_large = guest.post(&[10]).await?;
    assert!(!too_large.text().contains("Premium"), "{}", too_large.text());
    too_large.problem(413, "file-too-large")?;
    Ok(())
}

#[tokio::test]
async fn an_interrupted_guest_continues_with_the_same_key() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (guest, other) = (Guest::of(&user, 2).await?, Guest::of(&user, 2).await?);
    let picture = pictures::png(64, 64)?;
    let sizes = [picture.len(), picture.len()];
    let first = guest.post_once("one", &sizes).await?.json(201)?;
    stack.put(&first["results"][0]["upload"], picture.clone()).await?.expect(200)?;
    // The link is full, and the same request still returns its images.
    let again = guest.post_once("one", &sizes).await?.json(201)?;
    for n in 0..2 {
        assert_eq!(again["results"][n]["image"]["id"], first["results"][n]["image"]["id"]);
    }
    stack.put(&again["results"][0]["upload"], picture.clone()).await?.expect(412)?;
    stack.put(&again["results"][1]["upload"], picture).await?.expect(200)?;
    assert_eq!((guest.remaining().await?, user.usage().await?.0), (json!(0), 2));
    guest.post_once("one", &[1]).await?.problem(422, "idempotency-key-reused")?;
    // Neither the owner nor the guests of another link share the key.
    let theirs = other.post_once("one", &sizes).await?.json(201)?;
    assert_ne!(theirs["results"][0]["image"]["id"], first["results"][0]["image"]["id"]);
    let mine = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    user.post_once("/api/images", "one", &mine).await?.expect(201)?;
    assert_eq!(user.usage().await?.0, 5);
    Ok(())
}

#[tokio::test]
async fn a_link_that_expired_or_never_existed_is_not_found() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let guest = Guest::of(&user, 2).await?;
    let (secret, owner) = guest.link().split_at(26);
    let guess = format!("01JZ0000000000000000000000{owner}");
    for id in ["x", secret, &guess, &guest.link().to_lowercase(), &format!("{secret}-{NUMBER}")] {
        let guest = Guest { stack: stack.clone(), path: format!("/api/upload-links/{id}/images") };
        guest.get().await?.problem(404, "upload-link-not-found")?;
        guest.post(&[10]).await?.problem(404, "upload-link-not-found")?;
    }
    guest.post(&[10]).await?.expect(201)?;
    // DynamoDB deletes the item only later.
    let key = (format!("USER#{}", user.id), format!("UPLOADLINK#{secret}"));
    let table = &stack.outputs.table;
    stack.aws.update_item(table, (&key.0, &key.1), "SET expires_at = :past", &json!({":past": 1})).await?;
    guest.get().await?.problem(404, "upload-link-not-found")?;
    guest.post(&[10]).await?.problem(404, "upload-link-not-found")?;
    assert_eq!(user.usage().await?, (1, 10));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn the_picture_of_a_guest_is_copied_to_dropbox() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (guest, plan, picture) = (Guest::of(&user, 1).await?, Plan::new()?, pictures::jpeg(64, 48)?);
    let file = json!({
        "file_name": plan.file_name(" cat.jpg"), "content_type": "image/jpeg", "size": picture.len(),
    });
    let created = stack.post(&guest.path, &json!({"files": [file]})).await?.json(201)?;
    stack.put(&created["results"][0]["upload"], picture).await?.expect(200)?;
    let image = user.mirrored(id_of(&created["results"][0]["image"])?).await?;
    assert_eq!(image["dropbox"], json!({"status": "done", "failure": null}));
    let copies = plan.files().await?;
    let path = copies[0]["path"].as_str().context("no path")?;
    assert!(path.starts_with(&format!("/{NUMBER}/")), "{path}");
    Ok(())
}

#[tokio::test]
async fn a_link_ends_with_the_account_of_its_owner() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let guest = Guest::of(&user, 2).await?;
    let account = user.request(Method::DELETE, "/api/auth/account");
    send(account.json(&json!({"password": user.password}))).await?.expect(202)?;
    // At once, and when the worker has deleted everything.
    guest.post(&[10]).await?.problem(404, "upload-link-not-found")?;
    until("the link to go", async || Ok((guest.get().await?.status == 404).then_some(()))).await?;
    until("the tombstone", async || {
        let profile = user.item("PROFILE").await?;
        Ok(profile.is_some_and(|profile| profile["deleted"] == true).then_some(()))
    })
    .await?;
    guest.post(&[10]).await?.problem(404, "upload-link-not-found")?;
    guest.get().await?.problem(404, "upload-link-not-found")?;
    Ok(())
}

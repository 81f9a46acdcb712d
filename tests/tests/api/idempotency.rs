//! `Idempotency-Key` at all endpoints that create

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, unique};

fn fields() -> Value {
    json!({"file_name": "a", "content_type": "image/png", "size": 10})
}

/// The numbers of images and of sets.
async fn made(user: &User) -> Result<(usize, usize)> {
    let images = user.get("/api/images?limit=100").await?.json(200)?;
    let sets = user.get("/api/imagesets?limit=100").await?.json(200)?;
    let count = |list: &Value| list.as_array().map_or(0, Vec::len);
    Ok((count(&images["images"]), count(&sets["imagesets"])))
}

#[tokio::test]
async fn the_same_request_at_once_and_later_makes_one_thing_and_has_one_answer() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let file = fields();
    let in_slot = json!({"image_type": "image1", "file_name": "a", "content_type": "image/png", "size": 10});
    for (path, body) in [
        ("/api/images".to_owned(), fields()),
        ("/api/imagesets".to_owned(), json!({"title": "Holidays"})),
        (format!("/api/imagesets/{set}/images"), in_slot),
        ("/api/phones/+4915123456789/images".to_owned(), json!({"files": [file, file]})),
        ("/api/upload-links".to_owned(), json!({"max_images": 1, "expires_in": 300})),
    ] {
        let key = unique("key");
        let again = || user.post_once(&path, &key, &body);
        let answers = try_join_all((0..4).map(|_| again())).await?;
        let mut answers = answers.into_iter().map(|answer| answer.json(201)).collect::<Result<Vec<_>>>()?;
        answers.push(again().await?.json(201)?);
        for answer in &answers {
            assert_eq!(*answer, answers[0], "{path}");
        }
    }
    assert_eq!(made(&user).await?, (4, 2));
    assert_eq!(user.usage().await?, (4, 40));
    Ok(())
}

#[tokio::test]
async fn an_upload_that_was_handed_out_twice_is_one_upload() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::png(64, 64)?;
    let body = json!({"file_name": "a", "content_type": "image/png", "size": picture.len()});
    let first = user.post_once("/api/images", "one", &body).await?.json(201)?;
    let second = user.post_once("/api/images", "one", &body).await?.json(201)?;
    stack.put(&second["upload"], picture.clone()).await?.expect(200)?;
    stack.put(&first["upload"], picture).await?.expect(412)?;
    let image = user.developed(id_of(&first["image"])?).await?;
    assert_eq!(image["status"], "ready");
    // A late repetition returns the created item and creates nothing.
    let late = user.post_once("/api/images", "one", &body).await?.json(201)?;
    assert_eq!(late["image"]["id"], image["id"]);
    assert_eq!(made(&user).await?.0, 1);
    Ok(())
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    user.post_once("/api/images", "one", &fields()).await?.expect(201)?;
    let mut other = fields();
    other["size"] = json!(11);
    let problem =
        user.post_once("/api/images", "one", &other).await?.problem(422, "idempotency-key-reused")?;
    assert_eq!(problem["field"], "idempotency-key");
    // Another address does not accept the key.
    user.post_once("/api/imagesets", "one", &json!({})).await?.problem(422, "idempotency-key-reused")?;
    assert_eq!(made(&user).await?, (1, 0));
    Ok(())
}

#[tokio::test]
async fn users_do_not_share_their_keys() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let hers = ann.post_once("/api/images", "one", &fields()).await?.json(201)?;
    let his = bob.post_once("/api/images", "one", &fields()).await?.json(201)?;
    assert_ne!(hers["image"]["id"], his["image"]["id"]);
    Ok(())
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let first = user.create("image/png", 10).await?;
    user.post_once("/api/images", "one", &fields()).await?.problem(409, "quota-exceeded")?;
    user.delete(&format!("/api/images/{}?permanent=true", first.id())).await?.expect(204)?;
    user.usage_becomes(0, 0).await?;
    user.post_once("/api/images", "one", &fields()).await?.expect(201)?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = user.post_once("/api/images", key, &fields()).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], "idempotency-key", "{key:?}");
    }
    Ok(())
}

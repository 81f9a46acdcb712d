//! What a camera wrote into a picture, and who sees it

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures, send, until};

/// The EXIF of a picture of `pictures::jpeg_taken`.
fn exif(taken_at: &str) -> Value {
    json!({
        "taken_at": taken_at,
        "camera": "Apple iPhone 15 Pro",
        "lens": "back camera 6.765mm f/1.78",
        "exposure_time": 0.004,
        "f_number": 1.78,
        "iso": 64,
        "focal_length": 6.765,
        "location": {"latitude": -33.8598611, "longitude": 151.2111111, "altitude": 3.5},
    })
}

fn without_place(mut exif: Value) -> Value {
    exif["location"] = Value::Null;
    exif
}

/// Uploads a picture with EXIF into a set, and returns the ids of the set and of the image.
async fn in_a_set(user: &User) -> Result<(String, String)> {
    let set = user.create_set().await?;
    let picture = pictures::jpeg_taken("2026:05:01 14:30:05", 64, 64)?;
    let created = user.fill(&set, "image1", "image/jpeg", picture.len()).await?.json(201)?;
    user.stack.put(&created["upload"], picture).await?.expect(200)?;
    let id = id_of(&created["image"])?.to_owned();
    user.developed(&id).await?;
    Ok((set, id))
}

#[tokio::test]
async fn the_owner_sees_what_the_camera_wrote_and_a_replacement_brings_its_own() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let picture = pictures::jpeg_taken("2026:05:01 14:30:05", 64, 64)?;
    let image = user.upload_and_develop("image/jpeg", picture.clone()).await?;
    assert_eq!(image["exif"], exif("2026-05-01T14:30:05+10:00"));
    let id = id_of(&image)?;
    let page = user.get("/api/images").await?.json(200)?;
    assert_eq!(page["images"][0]["exif"], image["exif"]);

    // While the replacement is pending or has failed, the image keeps its picture.
    let created = user.replace(id, "image/jpeg", 10).await?;
    assert_eq!(created.image["exif"], image["exif"]);
    stack.put(&created.upload, b"no picture".to_vec()).await?.expect(200)?;
    let failed = user.developed(id).await?;
    assert_eq!((&failed["status"], &failed["exif"]), (&json!("failed"), &image["exif"]));

    let other = pictures::jpeg_taken("2026:06:02 15:00:00", 64, 64)?;
    for (replacement, expected) in
        [(other, exif("2026-06-02T15:00:00+10:00")), (pictures::jpeg(64, 64)?, Value::Null)]
    {
        let created = user.replace(id, "image/jpeg", replacement.len()).await?;
        stack.put(&created.upload, replacement).await?.expect(200)?;
        assert_eq!(user.developed(id).await?["exif"], expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_pending_image_has_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    assert_eq!(user.create("image/jpeg", 10).await?.image["exif"], Value::Null);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its provider of AI is a stand-in"]
async fn an_edit_has_no_exif_of_its_source() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let picture = pictures::jpeg_taken("2026:05:01 14:30:05", 64, 64)?;
    let image = user.upload_and_develop("image/jpeg", picture).await?;
    let edits = format!("/api/images/{}/edits", id_of(&image)?);
    let accepted = user.post(&edits, &json!({"prompt": "Add a hat"})).await?.json(202)?;
    assert_eq!(accepted["image"]["exif"], Value::Null);
    let edit = user.developed(id_of(&accepted["image"])?).await?;
    assert_eq!((&edit["status"], &edit["exif"]), (&json!("ready"), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn every_endpoint_of_the_owner_shows_the_place() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (set, id) = in_a_set(&user).await?;
    let expected = exif("2026-05-01T14:30:05+10:00");
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"]["exif"], expected);
    let sets = user.get("/api/imagesets").await?.json(200)?;
    assert_eq!(sets["imagesets"][0]["images"]["image1"]["exif"], expected);
    let changed = user.patch(&format!("/api/images/{id}"), &json!({"title": "x"})).await?.json(200)?;
    assert_eq!(changed["exif"], expected);

    let phone = "/api/phones/+14155552671/images";
    let picture = pictures::jpeg_taken("2026:05:01 14:30:05", 64, 64)?;
    let file = json!({"file_name": "a.jpg", "content_type": "image/jpeg", "size": picture.len()});
    let created = user.post(phone, &json!({"files": [file]})).await?.json(201)?;
    let result = &created["results"][0];
    stack.put(&result["upload"], picture).await?.expect(200)?;
    user.developed(id_of(&result["image"])?).await?;
    until("the image to be listed with its EXIF", async || {
        let page = user.get(phone).await?.json(200)?;
        Ok((page["images"][0]["exif"] == expected).then_some(()))
    })
    .await
}

#[tokio::test]
async fn admins_see_everything_but_the_place() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let (set, id) = in_a_set(&user).await?;
    let expected = without_place(exif("2026-05-01T14:30:05+10:00"));
    let (image, set) = (format!("/api/admin/images/{id}"), format!("/api/admin/imagesets/{set}"));
    until("the indexes to have the picture", async || {
        let seen = admin.get(&image).await?;
        Ok((seen.status == 200 && seen.json(200)?["exif"] == expected).then_some(()))
    })
    .await?;
    let changed = admin.patch(&image, &json!({"title": "Seen"})).await?.json(200)?;
    assert_eq!(changed["exif"], expected);
    let listed = admin.get("/api/admin/images?file_name=image1&limit=100").await?.json(200)?;
    let listed = listed["images"].as_array().context("no images")?;
    let listed = listed.iter().find(|image| image["id"] == json!(id)).context("the image is not listed")?;
    assert_eq!(listed["exif"], expected);
    for seen in [admin.get(&set).await?, admin.patch(&set, &json!({"title": "x"})).await?] {
        assert_eq!(seen.json(200)?["images"]["image1"]["exif"], expected);
    }
    let sets = admin.get(&format!("/api/admin/imagesets?username={}", user.username)).await?.json(200)?;
    assert_eq!(sets["imagesets"][0]["images"]["image1"]["exif"], expected);
    // The owner still sees it.
    assert!(user.image(&id).await?["exif"]["location"].is_object());
    Ok(())
}

#[tokio::test]
async fn a_guest_sees_nothing_of_it() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let body = json!({"max_images": 1, "expires_in": 300});
    let link = user.post("/api/upload-links", &body).await?.json(201)?;
    let path = format!("/api/upload-links/{}/images", id_of(&link)?);
    let picture = pictures::jpeg_taken("2026:05:01 14:30:05", 64, 64)?;
    let file = json!({"file_name": "a.jpg", "content_type": "image/jpeg", "size": picture.len()});
    let created = stack.post(&path, &json!({"files": [file]})).await?.json(201)?;
    let result = &created["results"][0];
    stack.put(&result["upload"], picture).await?.expect(200)?;
    let id = id_of(&result["image"])?;
    assert_eq!(user.developed(id).await?["exif"], exif("2026-05-01T14:30:05+10:00"));
    let seen = send(stack.request(Method::GET, &path)).await?.json(200)?;
    ensure!(seen["images"][0]["status"] == "ready", "{seen}");
    for secret in ["exif", "location", "151.2", "iPhone", "2026-05-01T14"] {
        assert!(!seen.to_string().contains(secret), "{seen}");
    }
    Ok(())
}

//! `POST /api/images`, and its presigned upload to S3

use std::time::Duration;

use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{Stack, Tier, id_of, pictures};

fn fields() -> Value {
    json!({"file_name": "cat.jpg", "content_type": "image/jpeg", "size": 1000})
}

#[tokio::test]
async fn a_photo_goes_up_and_its_thumbnails_come_back() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg(1600, 900)?;
    let created = user
        .create_with(json!({
            "file_name": "cat.jpg",
            "content_type": "image/jpeg",
            "size": photo.len(),
            "title": "A cat",
            "description": "On a mat.\nAsleep.",
        }))
        .await?;
    assert_eq!(created.image["status"], "pending");
    assert_eq!(created.upload["method"], "PUT");
    stack.put(&created.upload, photo.clone()).await?.expect(200)?;

    let image = user.developed(created.id()).await?;
    assert_eq!(image["status"], "ready", "{image}");
    assert_eq!((&image["title"], &image["description"]), (&json!("A cat"), &json!("On a mat.\nAsleep.")));
    assert_eq!((&image["width"], &image["height"]), (&json!(1600), &json!(900)));
    assert_eq!((&image["size"], &image["version"]), (&json!(photo.len()), &json!(1)));
    assert_eq!(image["failure"], Value::Null);
    assert!(image["uploaded_at"].is_string(), "{image}");
    assert!(image["placeholder"]["thumbhash"].is_string(), "{image}");
    let color = image["placeholder"]["color"].as_str().unwrap();
    assert!(color.len() == 7 && color.starts_with('#'), "{color}");

    for (size, height) in [(200, 113), (400, 225), (1200, 675)] {
        let thumbnail = user.thumbnail(&image, size).await?;
        assert_eq!(thumbnail.header("content-type"), "image/jpeg");
        pictures::check_quadrants(&thumbnail.bytes, size, height)?;
    }
    let original = stack.fetch(image["original_url"].as_str().unwrap()).await?.expect(200)?;
    assert_eq!(original.bytes, photo);
    assert!(original.header("content-disposition").starts_with("attachment"));
    Ok(())
}

#[tokio::test]
async fn the_tier_decides_which_thumbnails_are_made() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(500, 500)?).await?;
    let sizes: Vec<_> = image["thumbnails"].as_array().unwrap().iter().map(|t| &t["size"]).collect();
    assert_eq!(sizes, [200]);
    assert_eq!(image["original_url"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn an_upload_of_another_length_type_or_key_is_refused_and_nothing_is_stored() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let photo = pictures::jpeg(64, 64)?;
    let created = user.create("image/jpeg", photo.len()).await?;

    let longer = [&photo[..], b"x"].concat();
    stack.put(&created.upload, longer).await?.expect(403)?;
    stack.put(&created.upload, photo[1..].to_vec()).await?.expect(403)?;

    let mut as_html = created.upload.clone();
    as_html["headers"]["content-type"] = json!("text/html");
    stack.put(&as_html, photo.clone()).await?.expect(403)?;

    let mut elsewhere = created.upload.clone();
    let url = created.upload["url"].as_str().unwrap();
    elsewhere["url"] = json!(url.replace(&format!("{}/1?", created.id()), &format!("{}/2?", created.id())));
    assert_ne!(elsewhere["url"], created.upload["url"]);
    stack.put(&elsewhere, photo.clone()).await?.expect(403)?;

    assert_eq!(user.objects(created.id()).await?, (vec![], vec![]));
    assert_eq!(user.image(created.id()).await?["status"], "pending");
    // The failed attempts changed nothing: the correct upload still works.
    stack.put(&created.upload, photo).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn an_upload_works_once_and_the_first_object_stays() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg(64, 64)?;
    let created = user.create("image/jpeg", photo.len()).await?;
    assert_eq!(created.upload["headers"]["if-none-match"], "*");
    stack.put(&created.upload, photo.clone()).await?.expect(200)?;
    stack.put(&created.upload, vec![0; photo.len()]).await?.expect(412)?;
    let image = user.developed(created.id()).await?;
    let original = stack.fetch(image["original_url"].as_str().unwrap()).await?.expect(200)?;
    assert_eq!(original.bytes, photo);
    Ok(())
}

#[tokio::test]
async fn a_checksum_is_held_against_the_bytes() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let photo = pictures::jpeg(64, 64)?;
    let mut fields = fields();
    fields["size"] = json!(photo.len());
    fields["checksum_sha256"] = json!(BASE64_STANDARD.encode(Sha256::digest(&photo)));
    let created = user.create_with(fields).await?;
    let other = vec![0; photo.len()];
    let refused = stack.put(&created.upload, other).await?;
    assert!(refused.status.is_client_error(), "{}: {}", refused.status, refused.text());
    assert_eq!(user.objects(created.id()).await?.0, Vec::<String>::new());
    stack.put(&created.upload, photo).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn an_upload_can_begin_for_fifteen_minutes_at_most() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/png", 100).await?;
    let seconds = created.upload["expires"].as_i64().unwrap();
    assert!((1..=900).contains(&seconds), "{seconds}");
    assert!(created.upload["url"].as_str().unwrap().contains(&format!("X-Amz-Expires={seconds}&")));
    assert!(created.upload["expires_at"].as_str() > created.image["created_at"].as_str());
    Ok(())
}

#[tokio::test]
async fn what_is_no_picture_ends_as_failed_and_is_never_linked() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>"#.to_vec();
    let script = b"#!/bin/sh\nrm -rf /\n".to_vec();
    // HTML, followed by a whole JPEG. A browser that sniffs types would run it.
    let polyglot = [&html[..], &pictures::jpeg(64, 64)?].concat();
    try_join_all([html, svg, script, polyglot].map(async |bytes| {
        let image = user.upload_and_develop("image/jpeg", bytes).await?;
        assert_eq!((&image["status"], &image["failure"]["code"]), (&json!("failed"), &json!("not-an-image")));
        assert!(image["failure"]["detail"].is_string(), "{image}");
        assert_eq!((&image["original_url"], &image["thumbnails"]), (&Value::Null, &json!([])));
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn the_content_decides_what_a_picture_is_whatever_was_declared() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::jpeg(300, 300)?).await?;
    assert_eq!(image["status"], "ready", "{image}");
    pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 200, 200)
}

#[tokio::test]
async fn an_empty_file_is_refused_and_a_stub_of_one_fails_and_is_not_tried_again() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut empty = fields();
    empty["size"] = json!(0);
    let problem = user.post("/api/images", &empty).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "size");

    let byte = user.upload_and_develop("image/jpeg", vec![0xff]).await?;
    assert_eq!((&byte["status"], &byte["failure"]["code"]), (&json!("failed"), &json!("not-an-image")));
    let header = pictures::png(64, 64)?[..33].to_vec();
    let header = user.upload_and_develop("image/png", header).await?;
    assert_eq!((&header["status"], &header["failure"]["code"]), (&json!("failed"), &json!("corrupt-image")));

    // The emulator retries a failed event after one second and after two more.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for image in [&byte, &header] {
        let id = id_of(image)?;
        assert_eq!(stack.invocations_about("WorkersLogs", id).await?, 1, "{image}");
        assert_eq!(&user.image(id).await?, image);
    }
    Ok(())
}

#[tokio::test]
async fn odd_file_names_come_back_byte_for_byte_and_never_reach_a_key() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    for name in
        ["../x", "a b+c.jpg", "🎞️ été.png", "C:\\x", "<img src=x>", "\"; x=\"y", "ü".repeat(255).as_str()]
    {
        let mut fields = fields();
        fields["file_name"] = json!(name);
        let created = user.create_with(fields).await?;
        assert_eq!(created.image["file_name"], name);
        assert_eq!(user.image(created.id()).await?["file_name"], name);
        let path = created.upload["url"].as_str().unwrap().split('?').next().unwrap();
        assert!(path.ends_with(&format!("/{}/{}/1", user.id, created.id())), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_download_of_the_original_has_the_name_it_came_with() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let photo = pictures::jpeg(64, 64)?;
    let mut fields = fields();
    (fields["file_name"], fields["size"]) = (json!("a b+\"c\".jpg"), json!(photo.len()));
    let created = user.create_with(fields).await?;
    stack.put(&created.upload, photo).await?.expect(200)?;
    let image = user.developed(created.id()).await?;
    let original = stack.fetch(image["original_url"].as_str().unwrap()).await?.expect(200)?;
    let disposition = original.header("content-disposition");
    assert_eq!(disposition, "attachment; filename*=UTF-8''a%20b%2B%22c%22%2Ejpg");
    Ok(())
}

#[tokio::test]
async fn file_names_that_no_system_can_hold_are_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for name in ["", "a\0b", "a\nb", &"x".repeat(300)] {
        let mut fields = fields();
        fields["file_name"] = json!(name);
        let problem = user.post("/api/images", &fields).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], "file_name", "{name:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_larger_than_the_tier_allows_is_refused_before_any_upload() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut fields = fields();
    fields["size"] = json!(10_000_001);
    // Without a profile, and with one.
    user.post("/api/images", &fields).await?.problem(413, "file-too-large")?;
    user.create("image/png", 10_000_000).await?;
    let problem = user.post("/api/images", &fields).await?.problem(413, "file-too-large")?;
    assert_eq!(problem["field"], "size");
    assert_eq!(user.usage().await?, (1, 10_000_000));
    Ok(())
}

#[tokio::test]
async fn types_that_are_not_developed_are_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for content_type in ["image/svg+xml", "text/html", "image/jpeg; charset=x"] {
        let mut fields = fields();
        fields["content_type"] = json!(content_type);
        let problem = user.post("/api/images", &fields).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], "content_type", "{content_type:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_content_counts_if_a_phone_declares_another_type_or_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (declared, stored) in [
        ("image/heic", "image/heic"),
        ("image/heif", "image/heic"),
        // A phone has renamed the file to photo.jpg.
        ("image/jpeg", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("", "application/octet-stream"),
    ] {
        let created = user.create(declared, pictures::HEIC.len()).await?;
        assert_eq!(created.image["content_type"], stored, "{declared:?}");
        stack.put(&created.upload, pictures::HEIC.to_vec()).await?.expect(200)?;
        let image = user.developed(created.id()).await?;
        assert_eq!((&image["width"], &image["height"]), (&json!(300), &json!(200)), "{declared:?}: {image}");
        pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 200, 133)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_jpeg_xl_gets_thumbnails() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let created = user.create("image/jxl", pictures::JXL.len()).await?;
    assert_eq!(created.image["content_type"], "image/jxl");
    stack.put(&created.upload, pictures::JXL.to_vec()).await?.expect(200)?;
    let image = user.developed(created.id()).await?;
    assert_eq!((&image["width"], &image["height"]), (&json!(300), &json!(200)), "{image}");
    pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 200, 133)
}

#[tokio::test]
async fn of_many_uploads_at_once_for_the_last_place_one_succeeds() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 2)).await?;
    user.create("image/png", 10).await?;
    let (body, mut made, mut refused) = (fields(), 0, 0);
    for answer in try_join_all((0..4).map(|_| user.post("/api/images", &body))).await? {
        if answer.status == 201 {
            made += 1;
        } else {
            answer.problem(409, "quota-exceeded")?;
            refused += 1;
        }
    }
    assert_eq!((made, refused), (1, 3));
    assert_eq!(user.usage().await?, (2, 1010));
    Ok(())
}

#[tokio::test]
async fn a_new_user_may_begin_with_several_images_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    try_join_all((0..3).map(|_| user.create("image/png", 10))).await?;
    assert_eq!(user.usage().await?, (3, 30));
    Ok(())
}

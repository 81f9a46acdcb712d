//! `POST /api/images/{id}/upload`

use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde_json::json;
use tests::{Stack, id_of, pictures};

#[tokio::test]
async fn an_address_that_expired_is_refused_and_a_fresh_one_works() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let photo = pictures::jpeg(64, 64)?;
    let created = user.create("image/jpeg", photo.len()).await?;
    let path = format!("/api/images/{}/upload", created.id());

    // An address expires with its record: if the record expires in two seconds, so does the address.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    user.change_record(created.id(), "SET expires_at = :at", json!({":at": now + 3})).await?;
    let short = user.post_empty(&path).await?.json(200)?["upload"].take();
    let seconds = short["expires"].as_u64().unwrap();
    assert!((1..=3).contains(&seconds), "{short}");
    user.change_record(created.id(), "SET expires_at = :at", json!({":at": now + 86_400})).await?;
    tokio::time::sleep(Duration::from_secs(seconds + 1)).await;

    stack.put(&short, photo.clone()).await?.expect(403)?;
    assert_eq!(user.objects(created.id()).await?.0, Vec::<String>::new());
    assert_eq!(user.image(created.id()).await?["status"], "pending");

    let fresh = user.post_empty(&path).await?.json(200)?["upload"].take();
    assert!(fresh["expires_at"].as_str() > short["expires_at"].as_str());
    stack.put(&fresh, photo).await?.expect(200)?;
    assert_eq!(user.developed(created.id()).await?["status"], "ready");
    Ok(())
}

#[tokio::test]
async fn an_image_that_was_uploaded_gets_no_further_address() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let path = format!("/api/images/{}/upload", id_of(&image)?);
    user.post_empty(&path).await?.problem(409, "not-pending")?;
    Ok(())
}

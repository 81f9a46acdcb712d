//! `GET /api/imagesets/{id}`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of, pictures};

#[tokio::test]
async fn a_set_shows_its_images_by_slot() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let set = user.create_set().await?;
    let picture = pictures::png(300, 300)?;
    let created = user.fill(&set, "image2", "image/png", picture.len()).await?.json(201)?;
    assert_eq!(created["image"]["set"], json!({"id": set, "image_type": "image2"}));
    stack.put(&created["upload"], picture).await?.expect(200)?;
    let mut image = user.developed(id_of(&created["image"])?).await?;

    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!((&shown["images"]["image1"], &shown["images"]["image3"]), (&Value::Null, &Value::Null));
    let mut in_slot = shown["images"]["image2"].clone();
    pictures::check_quadrants(&user.thumbnail(&in_slot, 200).await?.bytes, 200, 200)?;
    // Each endpoint signs with its own role. A set repeats no addresses in `srcset`.
    for shown in [&mut image, &mut in_slot] {
        shown["srcset"] = Value::Null;
        shown["thumbnails"] = json!(shown["thumbnails"].as_array().map(Vec::len));
        assert!(shown["original_url"].take().is_string(), "{shown}");
    }
    assert_eq!(in_slot, image);
    Ok(())
}

#[tokio::test]
async fn what_is_not_ones_own_is_not_there() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let set = ann.create_set().await?;
    let mut bodies = Vec::new();
    for id in [set.as_str(), "01JZ0000000000000000000000", "x", "%00"] {
        let path = format!("/api/imagesets/{id}");
        bodies.push(bob.get(&path).await?.problem(404, "not-found")?);
        bob.put(&path, &json!({})).await?.problem(404, "not-found")?;
        bob.delete(&path).await?.problem(404, "not-found")?;
        bob.fill(id, "image1", "image/png", 10).await?.problem(404, "not-found")?;
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(bob.usage().await?, (0, 0));
    ann.get(&format!("/api/imagesets/{set}")).await?.expect(200)?;
    Ok(())
}

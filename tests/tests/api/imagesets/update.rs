//! `PUT` and `PATCH /api/imagesets/{id}`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, id_of, pictures};

#[tokio::test]
async fn put_replaces_title_and_description_and_keeps_the_images() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let body = json!({"title": "Holidays", "description": "By the sea"});
    let set = user.post("/api/imagesets", &body).await?.json(201)?;
    let id = id_of(&set)?;
    let path = format!("/api/imagesets/{id}");
    let image = user.fill(id, "image1", "image/png", 10).await?.json(201)?;

    let after = user.put(&path, &json!({"title": "Winter"})).await?.json(200)?;
    assert_eq!((&after["title"], &after["description"]), (&json!("Winter"), &Value::Null));
    assert_eq!(after["images"]["image1"]["id"], image["image"]["id"]);
    assert_eq!(after["created_at"], set["created_at"]);
    assert_eq!(user.get(&path).await?.json(200)?, after);

    let problem = user.put(&path, &json!({"title": 7})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "title");
    Ok(())
}

#[tokio::test]
async fn a_patch_keeps_what_it_leaves_out_and_null_removes_it() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let body = json!({"title": "Holidays", "description": "By the sea"});
    let set = user.post("/api/imagesets", &body).await?.json(201)?;
    let path = format!("/api/imagesets/{}", id_of(&set)?);

    let after = user.patch(&path, &json!({"title": "Winter"})).await?.json(200)?;
    assert_eq!((&after["title"], &after["description"]), (&json!("Winter"), &json!("By the sea")));
    let after = user.patch(&path, &json!({"description": null})).await?.json(200)?;
    assert_eq!((&after["title"], &after["description"]), (&json!("Winter"), &Value::Null));
    assert_eq!(user.get(&path).await?.json(200)?, after);

    let problem = user.patch(&path, &json!({"description": 7})).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "description");
    other.patch(&path, &json!({"title": "x"})).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn a_set_is_complete_when_all_slots_have_a_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let id = user.create_set().await?;
    let path = format!("/api/imagesets/{id}");
    let is_complete = async || -> Result<bool> {
        let listed = user.get("/api/imagesets").await?.json(200)?["imagesets"][0]["is_complete"].take();
        let set = user.get(&path).await?.json(200)?["is_complete"].take();
        assert_eq!(listed, set);
        Ok(set == true)
    };
    let mut images = Vec::new();
    for slot in ["image1", "image2", "image3"] {
        let picture = pictures::png(64, 64)?;
        let created = user.fill(&id, slot, "image/png", picture.len()).await?.json(201)?;
        // Neither an empty slot nor one whose image waits for its upload counts.
        assert!(!is_complete().await?, "{slot}");
        stack.put(&created["upload"], picture).await?.expect(200)?;
        images.push(id_of(&created["image"])?.to_owned());
        user.developed(&images[images.len() - 1]).await?;
    }
    assert!(is_complete().await?);
    // While a picture is being replaced, clients see the previous one.
    user.replace(&images[0], "image/png", 10).await?;
    assert!(is_complete().await?);
    user.delete(&format!("/api/images/{}?permanent=true", images[1])).await?.expect(204)?;
    assert!(!is_complete().await?);
    Ok(())
}

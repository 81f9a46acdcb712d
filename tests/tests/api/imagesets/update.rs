//! `PUT /api/imagesets/{id}`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, id_of};

#[tokio::test]
async fn what_is_said_of_a_set_is_said_anew_and_its_images_stay() -> Result<()> {
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

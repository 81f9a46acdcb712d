//! `POST /api/imagesets`

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Stack, id_of};

#[tokio::test]
async fn a_set_has_three_empty_slots() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.post("/api/imagesets", &json!({"title": "Holidays"})).await?.json(201)?;
    assert_eq!((&set["title"], &set["description"]), (&json!("Holidays"), &Value::Null));
    assert_eq!(set["images"], json!({"image1": null, "image2": null, "image3": null}));
    assert_eq!(user.get(&format!("/api/imagesets/{}", id_of(&set)?)).await?.json(200)?, set);
    Ok(())
}

#[tokio::test]
async fn title_and_description_have_their_bounds() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (field, value) in [
        ("title", json!("")),
        ("title", json!("x".repeat(201))),
        ("title", json!("two\nlines")),
        ("description", json!("x".repeat(5001))),
        ("name", json!("Holidays")),
    ] {
        let mut body = json!({});
        body[field] = value;
        let problem = user.post("/api/imagesets", &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{body}");
    }
    Ok(())
}

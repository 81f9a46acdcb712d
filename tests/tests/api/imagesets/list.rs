//! `GET /api/imagesets`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, id_of};

#[tokio::test]
async fn the_newest_come_first_with_their_images_and_every_set_is_on_one_page() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let empty = user.get("/api/imagesets").await?.json(200)?;
    assert_eq!(empty, json!({"imagesets": [], "next_cursor": null}));
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, user.create_set().await?);
    }
    let image = user.fill(&made[0], "image3", "image/png", 10).await?.json(201)?;

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for length in [2, 2, 1] {
        let page = user.get(&format!("/api/imagesets?limit=2{cursor}")).await?.json(200)?;
        let sets = page["imagesets"].as_array().context("no list")?.clone();
        assert_eq!(sets.len(), length);
        seen.extend(sets);
        cursor = page["next_cursor"].as_str().map_or_else(String::new, |next| format!("&cursor={next}"));
    }
    assert_eq!(cursor, "");
    let ids: Vec<&str> = seen.iter().map(id_of).collect::<Result<_>>()?;
    assert_eq!(ids, made);
    assert_eq!(seen[0]["images"]["image3"]["id"], image["image"]["id"]);
    assert_eq!(seen[1]["images"]["image3"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_list_or_user_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    for _ in 0..2 {
        ann.create_set().await?;
        ann.create("image/png", 10).await?;
    }
    let sets = ann.get("/api/imagesets?limit=1").await?.json(200)?;
    let images = ann.get("/api/images?limit=1").await?.json(200)?;
    let (sets, images) = (sets["next_cursor"].as_str().unwrap(), images["next_cursor"].as_str().unwrap());
    ann.get(&format!("/api/imagesets?cursor={sets}")).await?.expect(200)?;
    for (user, cursor) in [(&bob, sets), (&ann, images), (&ann, "made-up")] {
        user.get(&format!("/api/imagesets?cursor={cursor}")).await?.problem(400, "bad-cursor")?;
    }
    Ok(())
}

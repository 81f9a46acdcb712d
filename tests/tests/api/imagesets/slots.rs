//! `PUT` and `DELETE /api/imagesets/{id}/images/{slot}`

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, id_of, pictures};

fn slot(set: &str, slot: &str) -> String {
    format!("/api/imagesets/{set}/images/{slot}")
}

fn body(image: &str) -> Value {
    json!({"image_id": image})
}

#[tokio::test]
async fn an_existing_picture_gets_into_a_slot_and_out_of_it_again() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;

    let filled = user.put(&slot(&set, "image2"), &body(id)).await?.json(200)?;
    assert_eq!(filled["images"]["image2"]["id"], id);
    assert_eq!(filled["images"]["image2"]["set"], json!({"id": set, "image_type": "image2"}));
    assert_eq!(filled["images"]["image1"], Value::Null);
    assert_eq!(user.image(id).await?["set"], json!({"id": set, "image_type": "image2"}));
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image2"]["id"], id);
    // A repeated request changes nothing.
    let updated_at = user.image(id).await?["updated_at"].take();
    user.put(&slot(&set, "image2"), &body(id)).await?.expect(200)?;
    assert_eq!(user.image(id).await?["updated_at"], updated_at);

    user.delete(&slot(&set, "image2")).await?.expect(204)?;
    let alone = user.image(id).await?;
    assert_eq!((&alone["set"], &alone["status"]), (&Value::Null, &json!("ready")));
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image2"], Value::Null);
    user.delete(&slot(&set, "image2")).await?.problem(404, "not-found")?;
    // It belongs to no set, so it stays when the set goes.
    user.delete(&format!("/api/imagesets/{set}")).await?.expect(204)?;
    user.get(&format!("/api/images/{id}")).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
async fn a_picture_is_in_one_slot_only() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (one, two) = tokio::try_join!(user.create_set(), user.create_set())?;
    let created = user.fill(&one, "image1", "image/png", 10).await?.json(201)?;
    let id = id_of(&created["image"])?;

    let moved = user.put(&slot(&one, "image3"), &body(id)).await?.json(200)?;
    assert_eq!((&moved["images"]["image1"], &moved["images"]["image3"]["id"]), (&Value::Null, &json!(id)));
    let moved = user.put(&slot(&two, "image1"), &body(id)).await?.json(200)?;
    assert_eq!(moved["images"]["image1"]["id"], id);
    let left = user.get(&format!("/api/imagesets/{one}")).await?.json(200)?;
    assert_eq!(left["images"], json!({"image1": null, "image2": null, "image3": null}));
    // The first set goes without the picture, the second one takes it along.
    user.delete(&format!("/api/imagesets/{one}")).await?.expect(204)?;
    user.get(&format!("/api/images/{id}")).await?.expect(200)?;
    user.delete(&format!("/api/imagesets/{two}")).await?.expect(204)?;
    user.get(&format!("/api/images/{id}")).await?.problem(404, "not-found")?;
    user.usage_becomes(0, 0).await
}

#[tokio::test]
async fn a_taken_slot_keeps_its_picture_until_that_is_gone() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let first = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let other = user.create("image/png", 7).await?;
    user.put(&slot(&set, "image1"), &body(other.id())).await?.problem(409, "slot-taken")?;
    assert_eq!(user.image(other.id()).await?["set"], Value::Null);
    user.change_record(id_of(&first["image"])?, "SET expires_at = :past", json!({":past": 1})).await?;
    let filled = user.put(&slot(&set, "image1"), &body(other.id())).await?.json(200)?;
    assert_eq!(filled["images"]["image1"]["id"], other.id());
    Ok(())
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_slot_and_one_picture_gets_into_one_slot() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let images = try_join_all((0..5).map(|_| user.create("image/png", 10))).await?;
    let put = async |image: &str, place: &str| user.put(&slot(&set, place), &body(image)).await;
    let answers = try_join_all(images.iter().map(|image| put(image.id(), "image1"))).await?;
    let mut winners = 0;
    for answer in answers {
        if answer.status == 200 {
            winners += 1;
        } else {
            answer.problem(409, "slot-taken")?;
        }
    }
    assert_eq!(winners, 1);

    let image = user.create("image/png", 10).await?;
    let sets = try_join_all((0..4).map(|_| user.create_set())).await?;
    let moved = sets.iter().map(|set| async { user.put(&slot(set, "image2"), &body(image.id())).await });
    for answer in try_join_all(moved).await? {
        answer.expect(200)?;
    }
    let place = user.image(image.id()).await?["set"].take();
    let mut holders = Vec::new();
    for set in &sets {
        let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
        if shown["images"]["image2"]["id"] == image.id() {
            holders.push(json!({"id": set, "image_type": "image2"}));
        }
    }
    assert_eq!(holders, [place]);
    Ok(())
}

#[tokio::test]
async fn strangers_and_unknown_names_get_nowhere() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user(), stack.user())?;
    let set = user.create_set().await?;
    let (own, foreign) = tokio::try_join!(user.create("image/png", 10), other.create("image/png", 10))?;
    let problem =
        user.put(&slot(&set, "image1"), &body(foreign.id())).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "image_id");
    other.put(&slot(&set, "image1"), &body(foreign.id())).await?.problem(404, "not-found")?;
    user.put(&slot(&set, "image4"), &body(own.id())).await?.problem(404, "not-found")?;
    user.put(&slot(&set, "image1"), &body("x")).await?.problem(400, "invalid-field")?;
    user.put(&slot(&set, "image1"), &body(own.id())).await?.expect(200)?;
    other.delete(&slot(&set, "image1")).await?.problem(404, "not-found")?;
    user.delete(&slot(&set, "image4")).await?.problem(404, "not-found")?;
    Ok(())
}

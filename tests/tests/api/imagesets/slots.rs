//! `PUT` and `DELETE /api/imagesets/{id}/images/{slot}`

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Created, Stack, User, id_of, pictures};

fn slot(set: &str, slot: &str) -> String {
    format!("/api/imagesets/{set}/images/{slot}")
}

fn body(image: &str) -> Value {
    json!({"image_id": image})
}

/// The ids of the images in the three slots. Fails if one of these images does not name its slot.
async fn images_of(user: &User, set: &str) -> Result<[Value; 3]> {
    let images = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?["images"].take();
    for (slot, image) in images.as_object().into_iter().flatten() {
        if let Some(id) = image["id"].as_str() {
            assert_eq!(user.image(id).await?["set"], json!({"id": set, "image_type": slot}));
        }
    }
    Ok(["image1", "image2", "image3"].map(|slot| images[slot]["id"].clone()))
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

/// A set, and the images in its first and second slot.
async fn set_with_two(user: &User) -> Result<(String, Created, Created)> {
    let set = user.create_set().await?;
    let (one, two) = tokio::try_join!(user.create("image/png", 10), user.create("image/png", 10))?;
    user.put(&slot(&set, "image1"), &body(one.id())).await?.expect(200)?;
    user.put(&slot(&set, "image2"), &body(two.id())).await?.expect(200)?;
    Ok((set, one, two))
}

#[tokio::test]
async fn two_pictures_of_a_set_exchange_their_slots() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (set, one, two) = set_with_two(&user).await?;

    // The second request repeats the first one, and changes nothing.
    for _ in 0..2 {
        let shown = user.put(&slot(&set, "image2"), &body(one.id())).await?.json(200)?["images"].take();
        assert_eq!((&shown["image1"]["id"], &shown["image2"]["id"]), (&json!(two.id()), &json!(one.id())));
        assert_eq!(shown["image1"]["set"], json!({"id": set, "image_type": "image1"}));
        assert_eq!(shown["image2"]["set"], json!({"id": set, "image_type": "image2"}));
        assert_eq!(images_of(&user, &set).await?, [json!(two.id()), json!(one.id()), Value::Null]);
    }
    // An empty slot has nothing to exchange.
    user.put(&slot(&set, "image3"), &body(two.id())).await?.expect(200)?;
    assert_eq!(images_of(&user, &set).await?, [Value::Null, json!(one.id()), json!(two.id())]);
    // `replace` does not take a picture out of its own set.
    let replace = json!({"image_id": two.id(), "replace": true});
    user.put(&slot(&set, "image2"), &replace).await?.expect(200)?;
    assert_eq!(images_of(&user, &set).await?, [Value::Null, json!(two.id()), json!(one.id())]);
    Ok(())
}

#[tokio::test]
async fn a_picture_that_nobody_sees_is_not_exchanged() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (set, one, two) = set_with_two(&user).await?;
    user.change_record(two.id(), "SET expires_at = :past", json!({":past": 1})).await?;
    user.put(&slot(&set, "image2"), &body(one.id())).await?.expect(200)?;
    assert_eq!(images_of(&user, &set).await?, [Value::Null, json!(one.id()), Value::Null]);
    Ok(())
}

#[tokio::test]
async fn a_picture_that_is_replaced_leaves_the_set_and_stays_in_the_library() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (set, other) = tokio::try_join!(user.create_set(), user.create_set())?;
    let (one, two) = tokio::try_join!(user.create("image/png", 10), user.create("image/png", 10))?;
    user.put(&slot(&set, "image1"), &body(one.id())).await?.expect(200)?;
    user.put(&slot(&other, "image3"), &body(two.id())).await?.expect(200)?;
    let replace = json!({"image_id": two.id(), "replace": true});
    let shown = user.put(&slot(&set, "image1"), &replace).await?.json(200)?;
    assert_eq!(shown["images"]["image1"]["id"], two.id());
    assert_eq!(images_of(&user, &set).await?, [json!(two.id()), Value::Null, Value::Null]);
    assert_eq!(images_of(&user, &other).await?, [Value::Null, Value::Null, Value::Null]);
    assert_eq!(user.image(one.id()).await?["set"], Value::Null);
    // The set goes without it.
    user.delete(&format!("/api/imagesets/{set}")).await?.expect(204)?;
    user.get(&format!("/api/images/{}", one.id())).await?.expect(200)?;
    // An empty slot can be replaced too.
    let replace = json!({"image_id": one.id(), "replace": true});
    user.put(&slot(&other, "image2"), &replace).await?.expect(200)?;
    assert_eq!(images_of(&user, &other).await?, [Value::Null, json!(one.id()), Value::Null]);
    Ok(())
}

#[tokio::test]
async fn exchanges_at_the_same_time_lose_no_picture() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let images = try_join_all((0..3).map(|_| user.create("image/png", 10))).await?;
    let put = async |place: &str, image: usize| {
        user.put(&slot(&set, place), &body(images[image].id())).await?.expect(200)
    };
    for (place, image) in [("image1", 0), ("image2", 1), ("image3", 2)] {
        put(place, image).await?;
    }
    let mut all: Vec<Value> = images.iter().map(|image| json!(image.id())).collect();
    all.sort_by_key(Value::to_string);
    for _ in 0..5 {
        tokio::try_join!(put("image2", 0), put("image1", 2), put("image3", 1), put("image1", 1))?;
        let mut found = images_of(&user, &set).await?;
        found.sort_by_key(Value::to_string);
        assert_eq!(found[..], all[..]);
    }
    Ok(())
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

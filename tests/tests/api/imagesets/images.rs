//! `POST /api/imagesets/{id}/images`

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::json;
use tests::{Stack, Tier, id_of, pictures};

#[tokio::test]
async fn of_many_at_once_one_fills_the_slot() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let answers = try_join_all((0..6).map(|_| user.fill(&set, "image1", "image/png", 10))).await?;
    let mut made = Vec::new();
    for answer in answers {
        if answer.status == 201 {
            made.push(id_of(&answer.json(201)?["image"])?.to_owned());
        } else {
            assert_eq!(answer.problem(409, "slot-taken")?["field"], "image_type");
        }
    }
    assert_eq!(made.len(), 1);
    assert_eq!(user.usage().await?, (1, 10));
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"]["id"], made[0]);
    Ok(())
}

#[tokio::test]
async fn all_three_slots_can_be_filled_at_once_but_no_fourth() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let slots = ["image1", "image2", "image3"];
    for answer in try_join_all(slots.map(|slot| user.fill(&set, slot, "image/png", 10))).await? {
        answer.expect(201)?;
    }
    let problem = user.fill(&set, "image4", "image/png", 10).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "image_type");
    assert_eq!(user.usage().await?, (3, 30));
    Ok(())
}

#[tokio::test]
async fn a_slot_whose_upload_never_came_can_be_filled_again() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let lost = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    user.change_record(id_of(&lost["image"])?, "SET expires_at = :past", json!({":past": 1})).await?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"], json!(null));
    let found = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image1"]["id"], found["image"]["id"]);
    Ok(())
}

#[tokio::test]
async fn a_replaced_slot_stays_filled_by_the_same_image() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let set = user.create_set().await?;
    let (old, new) = (pictures::png(64, 64)?, pictures::png(240, 400)?);
    let created = user.fill(&set, "image1", "image/png", old.len()).await?.json(201)?;
    stack.put(&created["upload"], old).await?.expect(200)?;
    let id = id_of(&created["image"])?;
    user.developed(id).await?;
    let replacement = user.replace(id, "image/png", new.len()).await?;
    stack.put(&replacement.upload, new.clone()).await?.expect(200)?;
    user.developed(id).await?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    let image = &shown["images"]["image1"];
    assert_eq!((&image["id"], &image["version"]), (&json!(id), &json!(2)));
    pictures::check_quadrants(&user.thumbnail(image, 200).await?.bytes, 120, 200)?;
    // The old picture is deleted completely.
    user.usage_becomes(1, new.len() as u64).await?;
    tests::until("the old objects to go", async || {
        let (originals, derivatives) = user.objects(id).await?;
        Ok(((originals.len(), derivatives.len()) == (1, 1)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_set_gives_no_way_around_the_quota() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 1)).await?;
    let set = user.create_set().await?;
    user.fill(&set, "image1", "image/png", 10_000_001).await?.problem(413, "file-too-large")?;
    user.fill(&set, "image1", "image/png", 10).await?.expect(201)?;
    user.fill(&set, "image2", "image/png", 10).await?.problem(409, "quota-exceeded")?;
    let shown = user.get(&format!("/api/imagesets/{set}")).await?.json(200)?;
    assert_eq!(shown["images"]["image2"], json!(null));
    Ok(())
}

//! `GET /api/phones/{phone_number}/images`

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::{Stack, User, id_of};

const NUMBER: &str = "+14155552671";

async fn upload(user: &User, number: &str, count: usize) -> Result<Vec<String>> {
    let file = json!({"file_name": "a", "content_type": "image/png", "size": 10});
    let body = json!({"files": vec![file; count]});
    let answer = user.post(&format!("/api/phones/{number}/images"), &body).await?.json(201)?;
    let results = answer["results"].as_array().context("no results")?;
    results.iter().map(|result| Ok(id_of(&result["image"])?.to_owned())).collect()
}

fn ids(page: &Value) -> Vec<String> {
    let images = page["images"].as_array().into_iter().flatten();
    images.filter_map(|image| image["id"].as_str()).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_images_of_a_number_are_listed_newest_first_a_page_at_a_time() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut made = upload(&user, NUMBER, 5).await?;
    upload(&user, "+442071838750", 1).await?;
    user.create("image/png", 10).await?;
    made.sort();
    made.reverse();
    let first = user.get(&format!("/api/phones/{NUMBER}/images?limit=3")).await?.json(200)?;
    assert_eq!(first["phone_number"], NUMBER);
    assert_eq!(ids(&first), made[..3]);
    let cursor = first["next_cursor"].as_str().context("no cursor")?;
    let second =
        user.get(&format!("/api/phones/{NUMBER}/images?limit=3&cursor={cursor}")).await?.json(200)?;
    assert_eq!(ids(&second), made[3..]);
    assert_eq!(second["next_cursor"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_number_is_private_to_who_uploaded_for_it() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let hers = upload(&ann, NUMBER, 2).await?;
    let path = format!("/api/phones/{NUMBER}/images");
    bob.get(&path).await?.problem(404, "not-found")?;
    let his = upload(&bob, NUMBER, 1).await?;
    assert_eq!(ids(&bob.get(&path).await?.json(200)?), his);
    assert_eq!(ids(&ann.get(&path).await?.json(200)?).len(), hers.len());
    // A cursor of one list does not work with another.
    let page = ann.get(&format!("{path}?limit=1")).await?.json(200)?;
    let cursor = page["next_cursor"].as_str().context("no cursor")?;
    bob.get(&format!("{path}?cursor={cursor}")).await?.problem(400, "bad-cursor")?;
    let other = format!("/api/phones/+442071838750/images?cursor={cursor}");
    ann.get(&other).await?.problem(400, "bad-cursor")?;
    Ok(())
}

#[tokio::test]
async fn a_stranger_learns_nothing_about_a_number_that_others_use_a_lot() -> Result<()> {
    // The images of a number that are read in one query have at most 1 MB ("Query", Amazon DynamoDB API Reference). The
    // owner's images are larger than that, so a query of all users' images would end before the stranger's.
    const NUMBER: &str = "+14155552672";
    let stack = Stack::connect()?;
    let (ann, bob, cyd) = tokio::try_join!(stack.user(), stack.user(), stack.user())?;
    let his = upload(&bob, NUMBER, 1).await?;
    let mut hers = upload(&ann, NUMBER, 4).await?;
    hers.sort();
    for id in &hers {
        ann.change_record(id, "SET padding = :padding", json!({":padding": "x".repeat(390_000)})).await?;
    }
    let path = format!("/api/phones/{NUMBER}/images");
    cyd.get(&path).await?.problem(404, "not-found")?;
    let page = bob.get(&path).await?.json(200)?;
    assert_eq!((ids(&page), &page["next_cursor"]), (his, &Value::Null));
    // The owner herself gets all of them, in pages.
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ann.get(&format!("{path}?limit=3{cursor}")).await?.json(200)?;
        listed.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    listed.reverse();
    assert_eq!(listed, hers);
    Ok(())
}

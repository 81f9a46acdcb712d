//! `GET /api/images` in the orders of `sort` and `order`

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, User, id_of, pictures, until};

/// The ids on each page of a list.
async fn pages(user: &User, query: &str) -> Result<Vec<Vec<String>>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/images?{query}{cursor}")).await?.json(200)?;
        let images = page["images"].as_array().into_iter().flatten();
        pages.push(images.filter_map(|image| image["id"].as_str()).map(str::to_owned).collect());
        let Some(next) = page["next_cursor"].as_str() else { return Ok(pages) };
        cursor = format!("&cursor={next}");
        ensure!(pages.len() < 20, "the pages do not end");
    }
}

/// Waits until a list has these pages. The index may lag behind the table.
async fn becomes(user: &User, query: &str, expected: &[&[&str]]) -> Result<()> {
    let mut seen = Vec::new();
    let reached = until(&format!("the list {query}"), async || {
        seen = pages(user, query).await?;
        Ok((seen == expected).then_some(()))
    })
    .await;
    reached.map_err(|error| error.context(format!("{seen:?} instead of {expected:?}")))
}

async fn taken(user: &User, time: &str) -> Result<String> {
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg_taken(time, 32, 32)?).await?;
    Ok(id_of(&image)?.to_owned())
}

#[tokio::test]
async fn pictures_are_listed_by_the_time_taken_or_else_by_their_creation() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let newer = taken(&user, "2019:07:02 08:00:00").await?;
    let future = taken(&user, "2999:01:01 00:00:00").await?;
    let older = taken(&user, "2019:07:01 23:59:59").await?;
    let (a, b, c) = (newer.as_str(), future.as_str(), older.as_str());
    // Without a time of its own, an image has the time of its creation. It need not be ready.
    let pending = user.create("image/png", 10).await?;
    let d = pending.id();
    becomes(&user, "sort=taken_at", &[&[b, d, a, c]]).await?;
    becomes(&user, "sort=taken_at&order=asc", &[&[c, a, d, b]]).await?;
    becomes(&user, "sort=taken_at&limit=3", &[&[b, d, a], &[c]]).await?;
    becomes(&user, "sort=taken_at&order=asc&limit=2", &[&[c, a], &[d, b]]).await?;
    becomes(&user, "sort=taken_at&status=pending", &[&[d]]).await?;
    becomes(&user, "sort=taken_at&status=ready&limit=2", &[&[b, a], &[c]]).await?;
    // The order by creation is consistent.
    assert_eq!(pages(&user, "sort=created_at&order=asc&limit=3").await?, [vec![a, b, c], vec![d]]);
    assert_eq!(pages(&user, "order=desc").await?, [[d, c, b, a]]);

    user.delete(&format!("/api/images/{b}?permanent=true")).await?.expect(204)?;
    becomes(&user, "sort=taken_at", &[&[d, a, c]]).await
}

#[tokio::test]
async fn a_replacement_changes_the_time() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (a, b) = (taken(&user, "2019:07:01 08:00:00").await?, taken(&user, "2019:07:02 08:00:00").await?);
    becomes(&user, "sort=taken_at", &[&[&b, &a]]).await?;
    let picture = pictures::jpeg_taken("2019:07:03 08:00:00", 32, 32)?;
    let created = user.replace(&a, "image/jpeg", picture.len()).await?;
    // Until it is ready, the image shows the picture that it had.
    becomes(&user, "sort=taken_at", &[&[&b, &a]]).await?;
    stack.put(&created.upload, picture).await?.expect(200)?;
    user.developed(&a).await?;
    becomes(&user, "sort=taken_at", &[&[&a, &b]]).await
}

#[tokio::test]
async fn an_image_of_an_earlier_version_is_listed_after_the_next_search_for_uploads() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let (ready, pending) = (taken(&user, "2019:07:01 08:00:00").await?, user.create("image/png", 10).await?);
    user.change_record(&ready, "REMOVE taken_image, picture.exif", json!({})).await?;
    user.change_record(pending.id(), "REMOVE taken_image", json!({})).await?;
    becomes(&user, "sort=taken_at", &[&[]]).await?;
    // As if the deployment were new: no run has looked yet.
    stack.aws.delete_item(&stack.outputs.table, "IMAGE_INDEX", "POSITION").await?;
    stack.invoke("WorkersFindUploads", &json!({"time": jiff::Timestamp::now().to_string()})).await?.ok()?;
    becomes(&user, "sort=taken_at", &[&[pending.id(), &ready]]).await?;
    assert_eq!(user.image(&ready).await?["exif"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn nobody_sees_the_images_of_others() -> Result<()> {
    let stack = Stack::connect()?;
    let (ann, bob) = tokio::try_join!(stack.user(), stack.user())?;
    let id = ann.create("image/png", 10).await?.id().to_owned();
    becomes(&ann, "sort=taken_at", &[&[&id]]).await?;
    becomes(&bob, "sort=taken_at", &[&[]]).await
}

#[tokio::test]
async fn a_cursor_of_one_order_is_refused_by_the_others() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for _ in 0..2 {
        user.create("image/png", 10).await?;
    }
    let orders =
        ["", "order=asc", "sort=taken_at", "sort=taken_at&order=asc", "sort=taken_at&status=pending"];
    let mut cursors = Vec::new();
    for order in orders {
        let cursor = until("a page with a cursor", async || {
            let page = user.get(&format!("/api/images?limit=1&{order}")).await?.json(200)?;
            Ok(page["next_cursor"].as_str().map(str::to_owned))
        });
        cursors.push(cursor.await?);
    }
    for (index, order) in orders.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let answer = user.get(&format!("/api/images?limit=1&{order}&cursor={cursor}")).await?;
            if index == other {
                answer.expect(200)?;
            } else {
                answer.problem(400, "bad-cursor")?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_order_that_does_not_exist_is_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (field, value) in [("sort", "title"), ("sort", ""), ("order", "up"), ("order", "DESC")] {
        let answer = user.get(&format!("/api/images?{field}={value}")).await?;
        assert_eq!(answer.problem(400, "invalid-field")?["field"], field, "{value}");
    }
    Ok(())
}

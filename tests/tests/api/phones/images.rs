//! `POST /api/phones/{phone_number}/images`

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of, pictures};

const NUMBER: &str = "+4915123456789";

fn files(sizes: &[usize]) -> Value {
    let files = sizes
        .iter()
        .enumerate()
        .map(|(n, size)| json!({"file_name": format!("{n}.png"), "content_type": "image/png", "size": size}));
    json!({"files": files.collect::<Vec<_>>()})
}

#[tokio::test]
async fn many_files_go_up_at_once_each_with_an_upload_of_its_own() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let pictures = [pictures::png(64, 64)?, pictures::png(300, 200)?, pictures::png(200, 300)?];
    let body = files(&pictures.each_ref().map(Vec::len));
    let answer = user.post(&format!("/api/phones/{NUMBER}/images"), &body).await?.json(201)?;
    assert_eq!(answer["phone_number"], NUMBER);
    let results = answer["results"].as_array().context("no results")?;
    assert_eq!(results.len(), 3);
    try_join_all(results.iter().zip(pictures).enumerate().map(async |(n, (result, picture))| {
        assert_eq!(result["image"]["file_name"], format!("{n}.png"));
        stack.put(&result["upload"], picture).await?.expect(200)?;
        let image = user.developed(id_of(&result["image"])?).await?;
        assert_eq!((&image["status"], &image["phone_number"]), (&json!("ready"), &json!(NUMBER)));
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
async fn however_a_number_is_written_it_is_the_same_number() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for written in ["%2B49%20151%2023456789", "+49-151-2345-6789", "+49(0)15123456789"] {
        let answer = user.post(&format!("/api/phones/{written}/images"), &files(&[10])).await?.json(201)?;
        assert_eq!(answer["phone_number"], NUMBER, "{written}");
    }
    let list = user.get(&format!("/api/phones/{NUMBER}/images")).await?.json(200)?;
    assert_eq!(list["images"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test]
async fn what_is_no_phone_number_is_refused() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    // The last number has no country code, and this deployment has no default country.
    for number in ["x", "+1", "+49", "+999123456789", "12%00", "015123456789"] {
        let path = format!("/api/phones/{number}/images");
        let problem = user.post(&path, &files(&[10])).await?.problem(400, "invalid-phone-number")?;
        assert_eq!(problem["field"], "phone_number", "{number}");
        user.get(&path).await?.problem(400, "invalid-phone-number")?;
    }
    assert_eq!(user.usage().await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn files_are_taken_all_or_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC.with("max_images", 3)).await?;
    let path = format!("/api/phones/{NUMBER}/images");
    user.post(&path, &files(&[10, 10_000_001])).await?.problem(413, "file-too-large")?;
    user.post(&path, &files(&[10, 10, 10, 10])).await?.problem(409, "quota-exceeded")?;
    assert_eq!(user.usage().await?, (0, 0));
    user.post(&path, &files(&[10, 10])).await?.expect(201)?;
    user.post(&path, &files(&[10, 10])).await?.problem(409, "quota-exceeded")?;
    user.post(&path, &files(&[10])).await?.expect(201)?;
    assert_eq!(user.usage().await?, (3, 30));
    Ok(())
}

#[tokio::test]
async fn a_list_of_files_has_one_to_twenty_and_each_is_checked() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let path = format!("/api/phones/{NUMBER}/images");
    let mut bad = files(&[10, 10]);
    bad["files"][1]["size"] = json!("10");
    for (field, body) in [("files", files(&[])), ("files", files(&[1; 21])), ("files[1].size", bad)] {
        let problem = user.post(&path, &body).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field);
    }
    let mut bad = files(&[10]);
    bad["files"][0]["content_type"] = json!("text/html");
    let problem = user.post(&path, &bad).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "files[0].content_type");
    user.post(&path, &files(&[1; 20])).await?.expect(201)?;
    assert_eq!(user.usage().await?, (20, 20));
    Ok(())
}

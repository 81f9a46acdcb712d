//! `workers-render`: sizes that did not exist when the picture was processed

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, User, id_of, pictures};

/// Claims the missing sizes of an image's picture for `worker`, as `images-thumbnail` does.
async fn claim(user: &User, id: &str, until: i64) -> Result<()> {
    let lease = json!({"owner": "worker", "until": until});
    user.change_record(id, "SET picture.resize = :lease", json!({":lease": lease})).await
}

fn order(user: &User, id: &str) -> Value {
    json!({"original": user.key(id), "sizes": [32], "owner": "worker"})
}

/// A user whose tier has gained the size 400, and an image that lacks it.
async fn gained(stack: &Stack) -> Result<(User, Value)> {
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(640, 480)?).await?;
    user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, 400]})).await?;
    Ok((user, image))
}

fn sizes(image: &Value) -> Vec<&Value> {
    image["thumbnails"].as_array().into_iter().flatten().map(|thumbnail| &thumbnail["size"]).collect()
}

#[tokio::test]
async fn a_picture_replaced_meanwhile_gains_nothing_and_nothing_is_left_behind() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    user.change_record(id, "SET picture.version = :other", json!({":other": 2})).await?;
    let before = user.record(id).await?;
    stack.invoke("WorkersRender", &order(&user, id)).await?.ok()?;
    assert_eq!(user.record(id).await?, before);
    user.objects_vanish(id).await
}

#[tokio::test]
async fn a_worker_that_lost_its_claim_adds_nothing() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    let before = user.record(id).await?;
    stack.invoke("WorkersRender", &order(&user, id)).await?.ok()?;
    assert_eq!(user.record(id).await?, before);
    // With the claim it adds the size, and ends the claim.
    claim(&user, id, 0).await?;
    stack.invoke("WorkersRender", &order(&user, id)).await?.ok()?;
    let picture = user.record(id).await?.context("no record")?["picture"].take();
    assert_eq!((picture["thumbnails"].as_array().map(Vec::len), &picture["resize"]), (Some(2), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn an_original_is_stored_without_its_metadata() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let photo = pictures::jpeg_of_bytes("a private remark", 1)?;
    let image = user.upload_and_develop("image/jpeg", photo.clone()).await?;
    let id = id_of(&image)?;
    let item = json!({
        "pk": format!("USER#{}", user.id), "sk": format!("RENDITION#{id}#stripped"), "version": 1,
        "lease": {"owner": "worker", "until": 1},
    });
    stack.aws.put_item(&stack.outputs.table, &item).await?;
    let order = json!({
        "original": user.key(id), "width": 640, "height": 480, "rendition": "stripped_original", "owner": "worker",
    });
    let made = stack.invoke("WorkersRender", &order).await?.ok()?["rendition"].take();
    assert_eq!((&made["width"], &made["content_type"]), (&json!(640), &json!("image/jpeg")));
    let key = format!("{}/stripped", user.key(id));
    let stripped = stack.aws.object(&stack.outputs.derived_bucket, &key).await?.context("no object")?;
    let has_remark = |bytes: &[u8]| bytes.windows(7).any(|part| part == b"private");
    assert!(has_remark(&photo) && !has_remark(&stripped.bytes));
    assert_eq!(made["bytes"], stripped.bytes.len());
    pictures::check_quadrants(&stripped.bytes, 640, 480)?;
    let item = user.item(&format!("RENDITION#{id}#stripped")).await?.context("no item")?;
    assert_eq!((&item["made"], &item["lease"]), (&made, &Value::Null));
    Ok(())
}

#[tokio::test]
async fn a_missing_original_is_reported() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let answer = stack.invoke("WorkersRender", &order(&user, "01JZ0000000000000000000000")).await?.ok()?;
    assert_eq!(answer["failure"]["code"], "upload-missing", "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_claim_of_another_request_is_respected_until_it_expires() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, image) = gained(&stack).await?;
    let id = id_of(&image)?;
    let path = format!("/api/images/{id}/thumbnail?size=400");
    claim(&user, id, 9_999_999_999).await?;
    let answer = user.get(&path).await?;
    assert_eq!(answer.header("retry-after"), "2");
    answer.problem(503, "unavailable")?;
    assert_eq!(sizes(&user.image(id).await?), [200]);
    // The holder crashed: after its claim has expired, the next request has the thumbnail made.
    claim(&user, id, 1).await?;
    user.get(&path).await?.expect(302)?;
    assert_eq!(sizes(&user.image(id).await?), [200, 400]);
    Ok(())
}

#[tokio::test]
async fn however_many_ask_at_the_same_time_a_size_is_developed_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC).await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(2400, 1800)?).await?;
    let id = id_of(&image)?;
    user.change_profile("SET limits.thumbnail_sizes = :sizes", json!({":sizes": [200, 400]})).await?;
    let path = format!("/api/images/{id}/thumbnail?size=400");
    for answer in try_join_all((0..25).map(|_| user.get(&path))).await? {
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), "2");
        } else {
            let thumbnail = stack.fetch(answer.expect(302)?.header("location")).await?.expect(200)?;
            pictures::check_quadrants(&thumbnail.bytes, 400, 300)?;
        }
    }
    assert_eq!(sizes(&user.image(id).await?), [200, 400]);
    // One of `workers-thumbnail`, and one of `workers-render`.
    assert_eq!(stack.invocations_about("WorkersLogs", id).await?, 2);
    Ok(())
}

//! `POST /api/upload-links`

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Stack, Tier, id_of};

const PATH: &str = "/api/upload-links";

fn body() -> Value {
    json!({"max_images": 5, "expires_in": 300})
}

#[tokio::test]
async fn a_link_has_an_address_for_guests_and_at_most_the_file_size_of_the_tier() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let mut wishes = body();
    wishes["phone_number"] = json!("+49 151 2345-6789");
    for (asked, given) in [(json!(50_000_000), 10_000_000), (json!(1_000), 1_000), (Value::Null, 10_000_000)]
    {
        wishes["max_image_bytes"] = asked;
        let link = user.post(PATH, &wishes).await?.json(201)?;
        assert_eq!(link["max_image_bytes"], given);
        assert_eq!((&link["phone_number"], &link["remaining"]), (&json!("+4915123456789"), &json!(5)));
        assert_eq!(link["url"], format!("{}/#/send/{}", stack.outputs.api_url, id_of(&link)?));
    }
    let plain = user.post(PATH, &body()).await?.json(201)?;
    assert_eq!(plain["phone_number"], Value::Null);
    let secret = id_of(&plain)?.split('-').next().context("no secret")?;
    let item = user.item(&format!("UPLOADLINK#{secret}")).await?.context("no item")?;
    // DynamoDB deletes the item when the link has expired.
    let created = item["created_at"].as_str().context("no time")?;
    let lifetime = item["expires_at"].as_i64().context("no TTL")? - seconds(created)?;
    assert_eq!(lifetime, 300);
    Ok(())
}

/// A time in RFC 3339, in seconds since 1970.
fn seconds(time: &str) -> Result<i64> {
    Ok(time.parse::<jiff::Timestamp>()?.as_second())
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_by_name() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    for (field, value) in [
        ("max_images", json!(0)),
        ("max_images", json!(101)),
        ("max_images", json!("5")),
        ("max_image_bytes", json!(0)),
        ("expires_in", json!(299)),
        ("expires_in", json!(2_592_001)),
        ("owner", json!("x")),
    ] {
        let mut bad = body();
        bad[field] = value;
        let problem = user.post(PATH, &bad).await?.problem(400, "invalid-field")?;
        assert_eq!(problem["field"], field, "{bad}");
    }
    for number in ["hello", "+1", "015123456789"] {
        let mut bad = body();
        bad["phone_number"] = json!(number);
        user.post(PATH, &bad).await?.problem(400, "invalid-phone-number")?;
    }
    assert_eq!(user.get(PATH).await?.json(200)?["upload_links"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_user_has_at_most_a_hundred_links_however_many_requests_come_at_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::BASIC).await?;
    for _ in 0..98 {
        user.post(PATH, &body()).await?.expect(201)?;
    }
    let create = || async { try_join_all((0..5).map(async |_| user.post(PATH, &body()).await)).await };
    let (mut made, mut refused) = (Vec::new(), 0);
    for answer in create().await? {
        if answer.status.is_success() {
            made.push(answer.json(201)?);
        } else {
            let problem = answer.problem(409, "quota-exceeded")?;
            assert_eq!(
                (&problem["limit"], &problem["max_upload_links"]),
                (&json!("max_upload_links"), &json!(100))
            );
            refused += 1;
        }
    }
    assert_eq!((made.len(), refused), (2, 3));
    // A revoked link and an expired link make room.
    user.delete(&format!("{PATH}/{}", id_of(&made[0])?)).await?.expect(204)?;
    let secret = id_of(&made[1])?.split('-').next().context("no secret")?;
    let key = (format!("USER#{}", user.id), format!("UPLOADLINK#{secret}"));
    let past = json!({":past": 1});
    let table = &stack.outputs.table;
    stack.aws.update_item(table, (&key.0, &key.1), "SET expires_at = :past", &past).await?;
    let answers = create().await?;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    assert_eq!(user.get(PATH).await?.json(200)?["upload_links"].as_array().map(Vec::len), Some(100));
    Ok(())
}

//! `POST /api/downloads` and `GET /api/downloads/{id}`

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::{Stack, Tier, User, id_of, pictures, unique, until};

const PATH: &str = "/api/downloads";

/// Uploads a picture under a name, and returns its id.
async fn upload(user: &User, file_name: &str, picture: &[u8]) -> Result<String> {
    let fields = json!({"file_name": file_name, "content_type": "image/png", "size": picture.len()});
    let created = user.create_with(fields).await?;
    user.stack.put(&created.upload, picture.to_vec()).await?.expect(200)?;
    user.developed(created.id()).await?;
    Ok(created.id().to_owned())
}

/// Waits until a download has ended, and returns it.
async fn ended(user: &User, download: &Value) -> Result<Value> {
    let path = format!("{PATH}/{}", id_of(download)?);
    until("the download to end", async || {
        let download = user.get(&path).await?.json(200)?;
        Ok((download["status"] != "queued").then_some(download))
    })
    .await
}

/// Prints the names and the digests in an archive, after it has checked all checksums.
const READ: &str = "
import hashlib, json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps([[name, hashlib.sha256(archive.read(name)).hexdigest()] for name in archive.namelist()]))
";

/// The names and the SHA-256 digests in an archive, in its order, as Python reads them.
fn contents(archive: &[u8]) -> Result<Vec<(String, String)>> {
    let file = std::env::temp_dir().join(unique("zip"));
    std::fs::write(&file, archive)?;
    let output = Command::new("python3").arg("-c").arg(READ).arg(&file).output()?;
    std::fs::remove_file(&file)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn digest(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[tokio::test]
async fn an_archive_contains_the_originals_each_under_its_own_name() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, other) = tokio::try_join!(stack.user_in(Tier::ENTERPRISE), stack.user_in(Tier::ENTERPRISE))?;
    let files = [pictures::png(64, 64)?, pictures::png(30, 20)?, pictures::png(10, 40)?];
    let ids = [
        upload(&user, "beach.png", &files[0]).await?,
        upload(&user, "BEACH.png", &files[1]).await?,
        upload(&user, "../Zürich.png", &files[2]).await?,
    ];
    let created = user.post(PATH, &json!({"image_ids": ids})).await?.json(202)?;
    assert_eq!((&created["status"], &created["files"]), (&json!("queued"), &json!(3)));
    let total: usize = files.iter().map(Vec::len).sum();
    assert_eq!(created["bytes"], total);
    let done = ended(&user, &created).await?;
    assert_eq!((&done["status"], &done["files_done"]), (&json!("done"), &json!(3)), "{done}");
    assert_eq!(done["bytes_done"], total);

    let answer = stack.fetch(done["url"].as_str().context("no address")?).await?.expect(200)?;
    assert_eq!(answer.header("content-type"), "application/zip");
    assert!(answer.header("content-disposition").starts_with("attachment; filename*=UTF-8''darkroom"));
    let names = ["beach.png", "BEACH (2).png", "_Zürich.png"].map(ToOwned::to_owned);
    let expected: Vec<_> = names.into_iter().zip(files.iter().map(|file| digest(file))).collect();
    assert_eq!(contents(&answer.bytes)?, expected);
    other.get(&format!("{PATH}/{}", id_of(&created)?)).await?.problem(404, "not-found")?;
    Ok(())
}

#[tokio::test]
async fn only_own_pictures_in_a_tier_with_originals() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, basic) = tokio::try_join!(stack.user_in(Tier::ENTERPRISE), stack.user())?;
    let foreign = upload(&basic, "a.png", &pictures::png(10, 10)?).await?;
    basic.post(PATH, &json!({"image_ids": [foreign]})).await?.problem(403, "originals-not-in-tier")?;
    let pending = user.create("image/png", 10).await?;
    let body = json!({"image_ids": [foreign, pending.id()]});
    let problem = user.post(PATH, &body).await?.problem(400, "invalid-field")?;
    assert_eq!(problem["field"], "image_ids");
    // With a picture of the user, there is a download.
    let picture = pictures::png(20, 10)?;
    let own = upload(&user, "own.png", &picture).await?;
    let body = json!({"image_ids": [foreign, own, pending.id()]});
    let created = user.post(PATH, &body).await?.json(202)?;
    assert_eq!((&created["files"], &created["files_skipped"]), (&json!(3), &json!(2)), "{created}");
    let done = ended(&user, &created).await?;
    assert_eq!((&done["status"], &done["files_done"]), (&json!("done"), &json!(1)), "{done}");
    assert_eq!((&done["files"], &done["files_skipped"]), (&json!(3), &json!(2)), "{done}");
    let answer = stack.fetch(done["url"].as_str().context("no address")?).await?.expect(200)?;
    assert_eq!(contents(&answer.bytes)?, [("own.png".to_owned(), digest(&picture))]);
    Ok(())
}

/// Puts a download into each record of a user. No worker knows of them. Returns their ids.
async fn put_downloads(user: &User, change: impl Fn(usize, &mut Value)) -> Result<Vec<String>> {
    let now = jiff::Timestamp::now();
    let mut ids = Vec::new();
    for slot in 0..5 {
        let id = format!("01JZ00000000000000000000{slot}0");
        let mut download = json!({
            "pk": format!("USER#{}", user.id), "sk": format!("DOWNLOAD#{slot}"), "id": id, "slot": slot, "job": id,
            "images": [id], "bytes": 1, "status": "queued", "created_at": now.to_string(),
            "expires_at": 9_999_999_999_i64,
        });
        change(slot, &mut download);
        user.stack.aws.put_item(&user.stack.outputs.table, &download).await?;
        ids.push(id);
    }
    Ok(ids)
}

#[tokio::test]
async fn a_sixth_download_has_to_wait_and_a_repeated_request_begins_none() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let id = upload(&user, "a.png", &pictures::png(10, 10)?).await?;
    let (body, key) = (json!({"image_ids": [id]}), unique("key"));
    let first = user.post_once(PATH, &key, &body).await?.json(202)?;
    ended(&user, &first).await?;
    put_downloads(&user, |_, _| {}).await?;
    assert_eq!(user.post(PATH, &body).await?.problem(409, "quota-exceeded")?["max_downloads"], 5);
    let again = user.post_once(PATH, &key, &body).await?.json(202)?;
    assert_eq!(again["id"], first["id"]);
    // An expired download makes room, and is not found before DynamoDB deletes it.
    let expire_first = |slot: usize, download: &mut Value| {
        if slot == 0 {
            download["expires_at"] = json!(1);
        }
    };
    let ids = put_downloads(&user, expire_first).await?;
    user.get(&format!("{PATH}/{}", ids[0])).await?.problem(404, "not-found")?;
    user.post(PATH, &body).await?.expect(202)?;
    Ok(())
}

#[tokio::test]
async fn a_download_that_has_ended_makes_room_for_the_next_one_but_not_endlessly_on_one_day() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let body = json!({"image_ids": [upload(&user, "a.png", &pictures::png(10, 10)?).await?]});
    let ids = put_downloads(&user, |slot, download| {
        download["status"] = json!("done");
        if slot == 3 {
            // The oldest one.
            download["created_at"] = json!("2026-03-12T19:03:58Z");
        }
    })
    .await?;
    let created = user.post(PATH, &body).await?.json(202)?;
    user.get(&format!("{PATH}/{}", ids[3])).await?.problem(404, "not-found")?;
    user.get(&format!("{PATH}/{}", ids[4])).await?.expect(200)?;
    assert_eq!(ended(&user, &created).await?["status"], "done");
    put_downloads(&user, |_, download| {
        (download["status"], download["number_of_day"]) = (json!("done"), json!(10));
    })
    .await?;
    let answer = user.post(PATH, &body).await?;
    let seconds: u32 = answer.header("retry-after").parse()?;
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    assert_eq!(answer.problem(429, "daily-limit-reached")?["max_downloads_per_day"], 50);
    Ok(())
}

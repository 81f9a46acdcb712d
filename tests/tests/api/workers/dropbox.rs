//! Dropbox copies of pictures for phone numbers: creation, links, deletion, and failures of Dropbox

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, events, pictures, until};

const NUMBER: &str = "+4915123456789";

/// A unique name.
const ID: &str = "01JZ0000000000000000000000";

const MIB: usize = 1 << 20;

/// Uploads a small picture for the number, with the plan's word in its file name. Returns the image's id.
async fn upload(user: &User, plan: &Plan, picture: Vec<u8>) -> Result<String> {
    user.upload_for_phone(NUMBER, &plan.file_name(" cat.jpg"), "image/jpeg", picture).await
}

/// Copies a picture to a Dropbox that responds as planned, and returns the image, which must be ready.
async fn copied(plan: &Plan) -> Result<Value> {
    let user = Stack::connect()?.user_in(Tier::ENTERPRISE).await?;
    let id = upload(&user, plan, pictures::jpeg(64, 48)?).await?;
    let image = user.mirrored(&id).await?;
    ensure!(image["status"] == "ready" && image["failure"] == Value::Null, "{image}");
    pictures::check_quadrants(&user.thumbnail(&image, 200).await?.bytes, 64, 48)?;
    Ok(image)
}

async fn link(stack: &Stack, image: &Value) -> Result<tests::Answer> {
    stack.fetch(image["dropbox_url"].as_str().with_context(|| format!("no link: {image}"))?).await
}

/// The routes that were called, in order.
async fn routes(plan: &Plan) -> Result<Vec<String>> {
    let calls = plan.calls().await?;
    Ok(calls.iter().filter_map(|call| call["route"].as_str()).map(str::to_owned).collect())
}

async fn count(plan: &Plan, route: &str) -> Result<usize> {
    Ok(routes(plan).await?.iter().filter(|called| *called == route).count())
}

async fn files_become(plan: &Plan, count: usize) -> Result<()> {
    until(&format!("{count} files"), async || Ok((plan.files().await?.len() == count).then_some(()))).await
}

fn gap(calls: &[Value], n: usize) -> f64 {
    let time = |n: usize| calls[n]["time"].as_f64().unwrap_or_default();
    time(n) - time(n - 1)
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn an_original_is_copied_and_its_link_gives_it_byte_for_byte() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (plan, picture) = (Plan::new()?, pictures::jpeg(640, 480)?);
    let id = upload(&user, &plan, picture.clone()).await?;
    let image = user.mirrored(&id).await?;
    assert_eq!(image["dropbox"], json!({"status": "done", "failure": null}));
    assert_eq!(link(&stack, &image).await?.expect(200)?.bytes, picture);
    let files = plan.files().await?;
    assert_eq!((files.len(), &files[0]["writes"]), (1, &json!(1)));
    // `/<phone number>/<timestamp>_<file name>`, by the time of the upload.
    let path = files[0]["path"].as_str().unwrap();
    let rest = path.strip_prefix(&format!("/{NUMBER}/")).with_context(|| path.to_owned())?;
    let (time, name) = rest.split_once('_').with_context(|| path.to_owned())?;
    assert_eq!(name, image["file_name"].as_str().unwrap());
    let uploaded_at = image["uploaded_at"].as_str().unwrap().replace(['-', ':', 'Z'], "");
    assert_eq!(time.split('.').next(), uploaded_at.split('.').next());
    let expected = ["files/upload", "sharing/create_shared_link_with_settings"];
    assert_eq!(routes(&plan).await?, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_tier_without_downloads_of_originals_gets_no_link_to_the_copy() -> Result<()> {
    let stack = Stack::connect()?;
    let (admin, user, plan) = (stack.admin().await?, stack.user_in(Tier::BASIC).await?, Plan::new()?);
    let picture = pictures::jpeg(640, 480)?;
    let id = upload(&user, &plan, picture.clone()).await?;
    // The copy belongs to the deployment, so it is made in every tier.
    let image = user.mirrored(&id).await?;
    assert_eq!(image["dropbox"], json!({"status": "done", "failure": null}));
    assert_eq!((&image["original_url"], &image["dropbox_url"]), (&Value::Null, &Value::Null));
    let listed = user.get(&format!("/api/phones/{NUMBER}/images")).await?.json(200)?;
    assert_eq!(listed["images"][0]["dropbox_url"], Value::Null);
    let seen = admin.get(&format!("/api/admin/images/{id}")).await?.json(200)?;
    assert_eq!(link(&stack, &seen).await?.expect(200)?.bytes, picture);
    // With the tier, the link comes and goes.
    for (tier, has_link) in [("enterprise", true), ("basic", false)] {
        let path = format!("/api/admin/users/{}/tier", user.id);
        admin.put(&path, &json!({"tier": tier})).await?.expect(200)?;
        assert_eq!(user.image(&id).await?["dropbox_url"].is_string(), has_link, "{tier}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_large_original_goes_up_in_parts() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    let picture = pictures::jpeg_of_bytes(&plan.file_name(""), 20 * MIB)?;
    let id = upload(&user, &plan, picture.clone()).await?;
    let image = user.mirrored(&id).await?;
    assert_eq!((&image["status"], &image["dropbox"]["status"]), (&json!("ready"), &json!("done")), "{image}");
    assert!(link(&stack, &image).await?.expect(200)?.bytes == picture, "the copy differs");
    let sent: Vec<_> = plan.calls().await?.iter().map(|call| call["bytes"].clone()).collect();
    assert_eq!(sent, [8 * MIB, 8 * MIB, picture.len() - 16 * MIB, 0]);
    assert_eq!(routes(&plan).await?[0], "files/upload_session/start");
    Ok(())
}

#[tokio::test]
async fn what_is_uploaded_for_no_phone_number_is_not_copied() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/jpeg", pictures::jpeg(64, 48)?).await?;
    assert_eq!((&image["status"], &image["dropbox"]), (&json!("ready"), &Value::Null));
    assert_eq!(image["dropbox_url"], Value::Null);
    assert!(!user.has_jobs().await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn what_is_no_picture_is_not_copied() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user().await?, Plan::new()?);
    let id = upload(&user, &plan, b"text".to_vec()).await?;
    let image = user.developed(&id).await?;
    assert_eq!((&image["status"], &image["dropbox"]), (&json!("failed"), &Value::Null));
    assert!(!user.has_jobs().await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn whatever_a_file_is_called_its_copy_has_a_place_of_its_own() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    let long = format!(" {}.jpeg", "🎞".repeat(80));
    for (rest, safe) in [
        ("/../../ü 🎞️.jpg", "_.._.._ü 🎞️.jpg"),
        (r#"\a:b*?"<c>|"#, "_a_b____c__"),
        (" dots. .", " dots___"),
        (&long, &long),
    ] {
        let (name, picture) = (plan.file_name(rest), pictures::jpeg(64, 48)?);
        let id = user.upload_for_phone(NUMBER, &name, "image/jpeg", picture.clone()).await?;
        let image = user.mirrored(&id).await?;
        assert_eq!((&image["dropbox"]["status"], &image["file_name"]), (&json!("done"), &json!(name)));
        assert_eq!(link(&stack, &image).await?.expect(200)?.bytes, picture);
        let files = plan.files().await?;
        let ends = |file: &Value| file["path"].as_str().unwrap().ends_with(&plan.file_name(safe));
        assert!(files.iter().any(ends), "{rest}: {files:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn files_of_the_same_name_that_come_at_once_are_all_copied() -> Result<()> {
    const FILES: usize = 6;
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    // This is also true for the same bytes.
    let ids =
        try_join_all((0..FILES).map(async |_| upload(&user, &plan, pictures::jpeg(64, 48)?).await)).await?;
    let images = try_join_all(ids.iter().map(async |id| user.mirrored(id).await)).await?;
    assert_eq!(plan.files().await?.len(), FILES);
    // Each copy is deleted separately.
    user.delete(&format!("/api/images/{}?permanent=true", ids[0])).await?.expect(204)?;
    files_become(&plan, FILES - 1).await?;
    link(&stack, &images[0]).await?.expect(404)?;
    link(&stack, &images[1]).await?.expect(200)?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn an_access_token_that_ran_out_is_replaced_at_once() -> Result<()> {
    let plan = Plan::new()?.answers(json!([{"status": 401, "for_all": true}])).await?;
    assert_eq!(copied(&plan).await?["dropbox"]["status"], "done");
    let calls = plan.calls().await?;
    assert_eq!((&calls[0]["route"], &calls[1]["route"]), (&json!("files/upload"), &json!("files/upload")));
    assert_ne!(calls[0]["token"], calls[1]["token"]);
    // A deferred job is delivered again after two seconds at the earliest.
    assert!(calls.len() == 3 && gap(&calls, 1) < 2.0, "{calls:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_dropbox_that_only_fails_is_given_up_and_the_image_says_why() -> Result<()> {
    let cases = [
        (json!({"status": 503}), "provider-unavailable", 5),
        (json!({"status": 429, "retry_after": 1}), "provider-busy", 5),
        (json!({"garbage": "<html>oops"}), "provider-answer-invalid", 5),
        (json!({"refuse": "insufficient_space"}), "provider-full", 5),
        // The worker retries once with a new access token.
        (json!({"status": 401}), "provider-credentials", 10),
        // Permanent failures are not retried.
        (json!({"refuse": "disallowed_name"}), "provider-refused", 1),
    ];
    try_join_all(cases.into_iter().map(async |(step, code, calls)| {
        let plan = Plan::new()?.answers(json!(vec![step; 12])).await?;
        let image = copied(&plan).await?;
        let dropbox = &image["dropbox"];
        assert_eq!((&dropbox["status"], &dropbox["failure"]["code"]), (&json!("failed"), &json!(code)));
        assert_eq!(image["dropbox_url"], Value::Null);
        assert_eq!(plan.calls().await?.len(), calls, "{code}");
        anyhow::Ok(())
    }))
    .await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_copy_waits_as_long_as_dropbox_asks() -> Result<()> {
    let plan = Plan::new()?.answers(json!([{"status": 429, "retry_after": 4}, {"status": 500}])).await?;
    assert_eq!(copied(&plan).await?["dropbox"]["status"], "done");
    let calls = plan.calls().await?;
    assert!(gap(&calls, 1) >= 4.0 && gap(&calls, 2) >= 1.0, "{calls:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn after_a_lost_answer_there_is_still_one_copy_with_its_link() -> Result<()> {
    // The attempts of the upload, then those of the link.
    let plan = Plan::new()?.answers(json!([{"lost": true}, {}, {"lost": true}])).await?;
    let image = copied(&plan).await?;
    assert_eq!(image["dropbox"]["status"], "done", "{image}");
    assert_eq!(plan.files().await?.len(), 1);
    link(&Stack::connect()?, &image).await?.expect(200)?;
    assert_eq!(routes(&plan).await?.last().map(String::as_str), Some("sharing/list_shared_links"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn the_same_copy_ordered_again_at_once_and_later_is_uploaded_once() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let plan = Plan::new()?.answers(json!([{"seconds": 3}])).await?;
    let id = upload(&user, &plan, pictures::jpeg(64, 48)?).await?;
    until("the upload", async || Ok((!plan.calls().await?.is_empty()).then_some(()))).await?;
    let job = user.record(&id).await?.context("no record")?["dropbox_copy"]["job"].take();
    let event = events::messages([("m", json!({"user": user.id, "job": job}).to_string())]);
    let again = || async { stack.invoke("WorkersDropbox", &event).await?.ok() };
    let come_back = json!({"batchItemFailures": [{"itemIdentifier": "m"}]});
    let (first, second) = tokio::try_join!(again(), again())?;
    assert_eq!((first, second), (come_back.clone(), come_back));
    assert_eq!(user.mirrored(&id).await?["dropbox"]["status"], "done");
    assert_eq!(again().await?, json!({"batchItemFailures": []}));
    assert_eq!(count(&plan, "files/upload").await?, 1);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_deleted_image_takes_its_copy_along_whoever_deletes_it() -> Result<()> {
    let stack = Stack::connect()?;
    // The API gives the link to a copy only to tiers that allow downloads of originals.
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (admin, plan) = (stack.admin().await?, Plan::new()?);
    let ids = try_join_all((0..2).map(async |_| upload(&user, &plan, pictures::jpeg(64, 48)?).await)).await?;
    let images = try_join_all(ids.iter().map(async |id| user.mirrored(id).await)).await?;
    user.delete(&format!("/api/images/{}?permanent=true", ids[0])).await?.expect(204)?;
    admin.delete(&format!("/api/admin/images/{}", ids[1])).await?.expect(204)?;
    files_become(&plan, 0).await?;
    for image in &images {
        link(&stack, image).await?.expect(404)?;
    }
    user.jobs_end().await
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn the_removal_of_a_copy_is_tried_until_it_is_done() -> Result<()> {
    // More often than jobs that record a failure.
    const TIMES: usize = 7;
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user().await?, Plan::new()?);
    let id = upload(&user, &plan, pictures::jpeg(64, 48)?).await?;
    user.mirrored(&id).await?;
    let mut steps = vec![json!({"status": 429, "retry_after": 1}); TIMES];
    steps[1] = json!({"refuse": "no_write_permission"});
    let plan = plan.answers(json!(steps)).await?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    files_become(&plan, 0).await?;
    assert_eq!(count(&plan, "files/delete_v2").await?, TIMES + 1);
    user.jobs_end().await
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn the_removal_of_what_is_gone_already_is_done() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user().await?, Plan::new()?);
    let path = format!("/{NUMBER}/{}", plan.file_name(""));
    user.put_job(ID, json!({"task": "delete_dropbox_copy", "path": path, "attempts": 0})).await?;
    user.jobs_end().await?;
    assert_eq!(routes(&plan).await?, ["files/delete_v2"]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn an_image_that_is_deleted_while_it_is_copied_leaves_no_copy() -> Result<()> {
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let plan = Plan::new()?.answers(json!([{"seconds": 4}])).await?;
    let id = upload(&user, &plan, pictures::jpeg(64, 48)?).await?;
    until("the upload", async || Ok((!plan.calls().await?.is_empty()).then_some(()))).await?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    // The deletion that follows finds no file yet.
    until("a removal", async || Ok((count(&plan, "files/delete_v2").await? == 1).then_some(()))).await?;
    assert_eq!(count(&plan, "sharing/create_shared_link_with_settings").await?, 0);
    user.jobs_end().await?;
    assert_eq!((plan.files().await?.len(), count(&plan, "files/delete_v2").await?), (0, 2));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the local stack: its Dropbox is a stand-in"]
async fn a_new_picture_has_a_new_copy_and_the_old_one_goes() -> Result<()> {
    let stack = Stack::connect()?;
    let (user, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    let id = upload(&user, &plan, pictures::jpeg(64, 48)?).await?;
    let before = user.mirrored(&id).await?;
    let picture = pictures::png(48, 64)?;
    let replacement = user.replace(&id, "image/png", picture.len()).await?;
    // The copy of the current picture stays.
    assert_eq!(user.image(&id).await?["dropbox_url"], before["dropbox_url"]);
    stack.put(&replacement.upload, picture.clone()).await?.expect(200)?;
    let after = until("the new copy", async || {
        let image = user.mirrored(&id).await?;
        Ok((image["dropbox_url"] != before["dropbox_url"]).then_some(image))
    })
    .await?;
    assert_eq!((&after["version"], &after["dropbox"]["status"]), (&json!(2), &json!("done")));
    assert_eq!(link(&stack, &after).await?.expect(200)?.bytes, picture);
    files_become(&plan, 1).await?;
    link(&stack, &before).await?.expect(404).map(drop)
}

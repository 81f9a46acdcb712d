//! The functions behind the API

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Plan, Receiver, ResponseUrl, Stack, Tier, User, events, id_of, pictures, unique, until};

use crate::{needs_all_it_may, ready, turn};

/// An id that no image has.
const NOBODYS: &str = "01JZ0000000000000000000000";

/// Puts an object at the key of an image's first version into both buckets.
async fn put_orphans(stack: &Stack, key: &str) -> Result<()> {
    stack.aws.put_object(&stack.outputs.derived_bucket, &format!("{key}/200.png"), vec![0]).await?;
    stack.aws.put_object(&stack.outputs.uploads_bucket, key, pictures::png(64, 64)?).await
}

/// Requires that a function sends a record that it cannot read to its queue, and delays a message there.
async fn puts_aside(stack: &Stack, function: &str) -> Result<()> {
    took_all(&stack.invoke(function, &events::unreadable()?).await?.ok()?)?;
    delays_a_message(stack, function).await
}

/// Lets a function delay a message that it cannot process.
async fn delays_a_message(stack: &Stack, function: &str) -> Result<()> {
    // Nobody has received this message, so only the permission to delay it matters.
    let again = events::messages([("m", events::unreadable()?["Records"][0].to_string())]);
    let answer = stack.invoke(function, &again).await?.ok()?;
    ensure!(answer["batchItemFailures"][0]["itemIdentifier"] == "m", "{answer}");
    Ok(())
}

/// Requires that nothing of a batch of a stream or queue failed.
fn took_all(answer: &Value) -> Result<()> {
    ensure!(answer["batchItemFailures"] == json!([]), "{answer}");
    Ok(())
}

/// Uploads a picture with a request for an analysis, and returns the image's id.
async fn wishing(user: &User, picture: Vec<u8>) -> Result<String> {
    let size = picture.len();
    let fields = json!({"file_name": "a", "content_type": "image/png", "size": size, "analyze": true});
    let created = user.create_with(fields).await?;
    user.stack.put(&created.upload, picture).await?.expect(200)?;
    Ok(created.id().to_owned())
}

#[tokio::test]
async fn workers_thumbnail() -> Result<()> {
    let stack = turn().await?;
    let (user, count) = (stack.user_in(Tier::ENTERPRISE).await?, AtomicU32::new(0));
    needs_all_it_may(&stack, "WorkersThumbnail", async || {
        // The worker sends an upload without a record to the queue of retries, and deletes it when the record was
        // cleaned up.
        let nobodys = format!("01JZ0000000000000000{:06}", count.fetch_add(1, Ordering::Relaxed));
        let key = user.key(&nobodys);
        let event = events::uploaded([(key.as_str(), "FFFF")])?;
        put_orphans(&stack, &key).await?;
        stack.invoke("WorkersThumbnail", &event).await?.ok()?;
        user.mark_as_cleaned_up(&nobodys).await?;
        let message = events::messages([("m", events::given_up(&event).to_string())]);
        took_all(&stack.invoke("WorkersThumbnail", &message).await?.ok()?)?;
        // A message that cannot be read stays in the queue.
        stack.invoke("WorkersThumbnail", &events::messages([("m", "poison".to_owned())])).await?.ok()?;
        ready(&user).await?;
        // An expired image in a slot, whose upload is late.
        let (set, picture) = (user.create_set().await?, pictures::png(64, 64)?);
        let created = user.fill(&set, "image1", "image/png", picture.len()).await?.json(201)?;
        let id = id_of(&created["image"])?;
        stack.put(&created["upload"], picture).await?.expect(200)?;
        user.developed(id).await?;
        let update = "SET #status = :pending, expires_at = :past REMOVE sequencer, lease, picture";
        user.change_record(id, update, json!({":pending": "pending", ":past": 1})).await?;
        let late = events::uploaded([(user.key(id).as_str(), "FFFF")])?;
        stack.invoke("WorkersThumbnail", &late).await?.ok()?;
        until("the late upload", async || {
            let status = user.get(&format!("/api/images/{id}/status")).await?;
            Ok((status.status == 200 && status.json(200)?["status"] == "ready").then_some(()))
        })
        .await?;
        // A replacement, whose predecessor has a rendition.
        let replaced = ready(&user).await?;
        user.get(&format!("/api/images/{replaced}/rendition?width=9")).await?.expect(302)?;
        let picture = pictures::png(32, 32)?;
        let replacement = user.replace(&replaced, "image/png", picture.len()).await?;
        stack.put(&replacement.upload, picture).await?.expect(200)?;
        until("the rendition to go", async || {
            let item = user.item(&format!("RENDITION#{replaced}#w9-scale-down-q80-auto")).await?;
            Ok(item.is_none().then_some(()))
        })
        .await?;
        // A job that waited for the upload starts.
        let id = wishing(&user, pictures::png(64, 64)?).await?;
        ensure!(user.developed(&id).await?["status"] == "ready");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_find_uploads() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WorkersFindUploads", async || {
        // An upload that nobody develops.
        let id = ready(&user).await?;
        let update = "SET #status = :pending REMOVE sequencer, lease, picture";
        user.change_record(&id, update, json!({":pending": "pending"})).await?;
        let created = user.record(&id).await?.context("no record")?["created_at"].take();
        let created: jiff::Timestamp = created.as_str().context("no time")?.parse()?;
        let second =
            |more: i64| anyhow::Ok(jiff::Timestamp::from_second(created.as_second() + more)?.to_string());
        let window = json!({"from": second(-1)?, "to": second(1)?});
        let found = stack.invoke("WorkersFindUploads", &window).await?.ok()?;
        ensure!(found["sent"].as_u64() > Some(0), "{found}");
        ensure!(user.developed(&id).await?["status"] == "ready");
        // A set of an earlier version, which a scheduled run adds to the list for admins.
        let (table, key) = (&stack.outputs.table, format!("SET#{}", user.create_set().await?));
        let pk = format!("USER#{}", user.id);
        stack.aws.update_item(table, (&pk, &key), "REMOVE #shard", &json!({})).await?;
        stack.aws.delete_item(table, "SET_INDEX", "POSITION").await?;
        stack
            .invoke("WorkersFindUploads", &json!({"time": jiff::Timestamp::now().to_string()}))
            .await?
            .ok()?;
        ensure!(user.item(&key).await?.context("no set")?["shard"].is_string());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_stream() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WorkersStream", async || {
        let user = stack.user().await?;
        // An image in a slot, with objects in both buckets; a set with an image left over; a replacement that
        // never came. The stream's own events come only for what is really removed.
        let (set, other) = (user.create_set().await?, user.create_set().await?);
        let created = user.fill(&set, "image1", "image/png", 10).await?.json(201)?;
        let id = id_of(&created["image"])?;
        put_orphans(&stack, &user.key(id)).await?;
        user.fill(&other, "image1", "image/png", 10).await?.expect(201)?;
        let replaced = ready(&user).await?;
        user.replace(&replaced, "image/png", 10).await?;
        // Only an image that had a file has objects to delete, and only one with renditions has their items.
        let gone = ready(&user).await?;
        user.change_record(&gone, "SET picture.renditions = :one", json!({":one": 1})).await?;
        let rendition = json!({
            "pk": format!("USER#{}", user.id), "sk": format!("RENDITION#{gone}#w9-scale-down-q80-auto"),
            "version": 1,
        });
        stack.aws.put_item(&stack.outputs.table, &rendition).await?;
        for event in [
            events::removed(&user, &gone).await?,
            events::replacement_lapsed(&user, &replaced).await?,
            events::set_removed(&user, &other).await?,
            events::removed(&user, id).await?,
        ] {
            took_all(&stack.invoke("WorkersStream", &event).await?.ok()?)?;
        }
        // An image whose time in the trash is over.
        let trashed = ready(&user).await?;
        user.delete(&format!("/api/images/{trashed}")).await?.expect(204)?;
        user.change_record(&trashed, "SET trash.#until = :past", json!({":past": 1})).await?;
        let event = events::trash_lapsed(&user, &trashed).await?;
        took_all(&stack.invoke("WorkersStream", &event).await?.ok()?)?;
        ensure!(user.record(&trashed).await?.is_none());
        let rendition = user.item(&format!("RENDITION#{gone}#w9-scale-down-q80-auto")).await?;
        ensure!(rendition.is_none(), "{rendition:?}");
        // An upload that arrived although its image has expired.
        let late = user.create("image/png", 10).await?;
        let event = events::expired(&user, late.id()).await?;
        stack.put(&late.upload, vec![0; 10]).await?.expect(200)?;
        took_all(&stack.invoke("WorkersStream", &event).await?.ok()?)?;
        // A job for each queue, which nobody has.
        for task in [
            json!({"task": {"S": "delete_dropbox_copy"}, "path": {"S": "/+49/nobodys"}}),
            json!({"task": {"S": "analyze"}, "image": {"S": NOBODYS}, "version": {"N": "1"}}),
            json!({
                "task": {"S": "edit"}, "source": {"S": NOBODYS}, "version": {"N": "1"},
                "image": {"S": NOBODYS}, "prompt": {"S": "x"},
            }),
            json!({"task": {"S": "deliver_webhook"}, "webhook": {"S": NOBODYS}, "delivery": {"S": NOBODYS}}),
            json!({"task": {"S": "download"}, "download": {"S": NOBODYS}}),
            json!({"task": {"S": "delete_account"}}),
        ] {
            let event = events::job_comes(&user, NOBODYS, task)?;
            took_all(&stack.invoke("WorkersStream", &event).await?.ok()?)?;
        }
        // A record for the worker of tiers.
        took_all(&stack.invoke("WorkersStream", &events::profile_comes(&user).await?).await?.ok()?)?;
        puts_aside(&stack, "WorkersStream").await
    })
    .await
}

#[tokio::test]
async fn workers_download() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user_in(Tier::ENTERPRISE).await?;
    let (id, count) = (ready(&user).await?, AtomicU32::new(0));
    needs_all_it_may(&stack, "WorkersDownload", async || {
        // A picture that exists, and one that does not: the worker then deletes the parts of the archive.
        for (image, status) in [(id.as_str(), "done"), (NOBODYS, "failed")] {
            let job = format!("01JZ0000000000000000{:06}", count.fetch_add(1, Ordering::Relaxed));
            let download = json!({
                "pk": format!("USER#{}", user.id), "sk": "DOWNLOAD#0", "id": job, "slot": 0, "job": job,
                "images": [image], "bytes": 1, "status": "queued", "created_at": "2026-03-12T19:03:58Z",
                "expires_at": 9_999_999_999_i64,
            });
            stack.aws.put_item(&stack.outputs.table, &download).await?;
            user.put_job(&job, json!({"task": "download", "download": job, "attempts": 0})).await?;
            until("the end of the download", async || {
                let stored = user.item("DOWNLOAD#0").await?.context("no download")?;
                Ok((stored["status"] == status).then_some(()))
            })
            .await?;
        }
        // A job that has to wait. Nobody has received this message, so only the permission to delay it matters.
        let job =
            json!({"task": "download", "download": NOBODYS, "attempts": 0, "not_before": 9_999_999_999_i64});
        let message = user.put_job(NOBODYS, job).await?;
        let event = events::messages([("m", message.to_string())]);
        let answer = stack.invoke("WorkersDownload", &event).await?.ok()?;
        ensure!(answer["batchItemFailures"][0]["itemIdentifier"] == "m", "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_delete_account() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WorkersDeleteAccount", async || {
        let user = stack.user().await?;
        ready(&user).await?;
        // A look for users who are gone from the pool.
        let found = stack.invoke("WorkersDeleteAccount", &json!({"prefix": user.id})).await?.ok()?;
        ensure!(found["users"] == 1, "{found}");
        // Files that no image has.
        stack.aws.put_object(&stack.outputs.derived_bucket, &format!("{}/late", user.id), vec![0]).await?;
        let request = user.request(reqwest::Method::DELETE, "/api/auth/account");
        tests::send(request.json(&json!({"password": user.password}))).await?.expect(202)?;
        user.only_the_tombstone_remains().await?;
        // A job that has to wait. Nobody has received this message, so only the permission to delay it matters.
        let other = stack.user().await?;
        let job = json!({"task": "delete_account", "attempts": 0, "not_before": 9_999_999_999_i64});
        let message = other.put_job(NOBODYS, job).await?;
        let event = events::messages([("m", message.to_string())]);
        let answer = stack.invoke("WorkersDeleteAccount", &event).await?.ok()?;
        ensure!(answer["batchItemFailures"][0]["itemIdentifier"] == "m", "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_render() -> Result<()> {
    let stack = turn().await?;
    let user = stack.user().await?;
    needs_all_it_may(&stack, "WorkersRender", async || {
        let id = ready(&user).await?;
        let order = |size: u32| json!({"original": user.key(&id), "sizes": [size], "owner": "worker"});
        let lease = json!({":lease": {"owner": "worker", "until": 0}});
        user.change_record(&id, "SET picture.resize = :lease", lease).await?;
        let answer = stack.invoke("WorkersRender", &order(16)).await?.ok()?;
        ensure!(answer["thumbnails"][0]["size"] == 16, "{answer}");
        let record = user.record(&id).await?.unwrap_or_default();
        ensure!(record["picture"]["thumbnails"][1]["size"] == 16, "{record}");
        // Replaced meanwhile: what was made is removed.
        user.change_record(&id, "SET picture.version = :other", json!({":other": 9})).await?;
        stack.invoke("WorkersRender", &order(32)).await?.ok()?;
        // A rendition of an image that was deleted meanwhile.
        let other = ready(&user).await?;
        let rendition = json!({"picture": {"width": 9, "fit": "scale-down", "format": "png"}});
        let order = json!({
            "original": user.key(&other), "width": 64, "height": 64, "rendition": rendition, "owner": "worker",
        });
        let answer = stack.invoke("WorkersRender", &order).await?.ok()?;
        ensure!(answer["rendition"]["width"] == 9, "{answer}");
        ensure!(user.objects(&other).await?.1.len() == 1, "only the thumbnail is left");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn workers_tiers() -> Result<()> {
    let stack = turn().await?;
    let mut event: Value = serde_json::from_str(include_str!("../../../events/workers-tiers.json"))?;
    let tier = unique("tier");
    event["Records"][0]["dynamodb"]["NewImage"]["id"] = json!({"S": tier});
    needs_all_it_may(&stack, "WorkersTiers", async || {
        let user = stack.user_in(Tier::BASIC).await?;
        user.change_profile("SET tier = :tier", json!({":tier": tier})).await?;
        took_all(&stack.invoke("WorkersTiers", &event).await?.ok()?)?;
        let limits = user.item("PROFILE").await?.context("no profile")?["limits"].take();
        ensure!(limits["name"] == "Sample", "{limits}");
        // A new profile has its tier looked up.
        let user = stack.user_in(Tier::BASIC).await?;
        took_all(&stack.invoke("WorkersTiers", &events::profile_comes(&user).await?).await?.ok()?)?;
        delays_a_message(&stack, "WorkersTiers").await
    })
    .await
}

#[tokio::test]
async fn workers_events() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WorkersEvents", async || {
        let user = stack.user().await?;
        let webhook = user.post("/api/webhooks", &json!({"url": "http://127.0.0.1:9/"})).await?.json(201)?;
        let event = events::image_created(&user, NOBODYS, 1)?;
        took_all(&stack.invoke("WorkersEvents", &event).await?.ok()?)?;
        let path = format!("/api/webhooks/{}/deliveries", id_of(&webhook)?);
        let page = user.get(&path).await?.json(200)?;
        ensure!(page["deliveries"][0]["event"]["type"] == "image.created", "{page}");
        puts_aside(&stack, "WorkersEvents").await
    })
    .await
}

#[tokio::test]
async fn workers_webhook() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WorkersWebhook", async || {
        let user = stack.user().await?;
        let receiver = Receiver::start([503, 204]).await?;
        user.post("/api/webhooks", &json!({"url": receiver.url})).await?.expect(201)?;
        // The first attempt fails, and the second one succeeds.
        let event = events::image_created(&user, NOBODYS, 1)?;
        took_all(&stack.invoke("WorkersEvents", &event).await?.ok()?)?;
        receiver.receives(2).await?;
        user.jobs_end().await
    })
    .await
}

#[tokio::test]
async fn workers_setup() -> Result<()> {
    let stack = turn().await?;
    needs_all_it_may(&stack, "WorkersSetup", async || {
        let succeeds = async |change: fn(&mut Value)| {
            let response_url = ResponseUrl::start().await?;
            let mut event = events::setup("Create", &response_url.address)?;
            change(&mut event);
            stack.invoke("WorkersSetup", &event).await?.ok()?;
            let answer = response_url.answer().await?.body;
            ensure!(answer["Status"] == "SUCCESS", "{answer}");
            Ok(())
        };
        succeeds(|_| {}).await?;
        // Tiers that the template lists for the first time.
        succeeds(|event| {
            (event["RequestType"], event["OldResourceProperties"]) = (json!("Update"), json!({"Tiers": []}));
        })
        .await
    })
    .await
}

#[tokio::test]
async fn workers_analyze() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("WorkersAnalyze").await?;
    needs_all_it_may(&stack, "WorkersAnalyze", async || {
        // A fresh instance has to read the key.
        stack.aws.restart(&function).await?;
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        // A job that is put off comes back in time.
        let plan = Plan::new()?.answers(json!([{"status": 429, "retry_after": 1}])).await?;
        let id = ready(&user).await?;
        let path = format!("/api/images/{id}/analysis");
        user.post(&path, &json!({"prompt": plan.prompt()})).await?.expect(202)?;
        comes(async || Ok(user.image(&id).await?["analysis"]["status"] == "done")).await
    })
    .await
}

#[tokio::test]
async fn workers_edit() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("WorkersEdit").await?;
    needs_all_it_may(&stack, "WorkersEdit", async || {
        stack.aws.restart(&function).await?;
        let user = stack.user_in(Tier::ENTERPRISE).await?;
        let plan = Plan::new()?.answers(json!([{"status": 429, "retry_after": 1}])).await?;
        let path = format!("/api/images/{}/edits", ready(&user).await?);
        let edit = user.post(&path, &json!({"prompt": plan.prompt()})).await?.json(202)?;
        let edit = id_of(&edit["image"])?;
        comes(async || Ok(user.image(edit).await?["status"] == "ready")).await?;
        // The job itself ends too.
        comes(async || Ok(!user.has_jobs().await?)).await
    })
    .await
}

#[tokio::test]
async fn workers_dropbox() -> Result<()> {
    let stack = turn().await?;
    let function = stack.resource("WorkersDropbox").await?;
    needs_all_it_may(&stack, "WorkersDropbox", async || {
        // A fresh instance has to read the credentials.
        stack.aws.restart(&function).await?;
        let user = stack.user().await?;
        // A job that is put off comes back in time.
        let plan = Plan::new()?.answers(json!([{"status": 429, "retry_after": 1}])).await?;
        let (name, picture) = (plan.file_name(".png"), pictures::png(64, 64)?);
        let id = user.upload_for_phone("+4915123456789", &name, "image/png", picture).await?;
        comes(async || Ok(user.image(&id).await?["dropbox"]["status"] == "done")).await?;
        // The copy of an image that is gone becomes a removal.
        let path = format!("/+49/{name}");
        let job =
            json!({"task": "dropbox_copy", "image": NOBODYS, "version": 1, "path": path, "attempts": 0});
        user.put_job(NOBODYS, job).await?;
        comes(async || Ok(!user.has_jobs().await?)).await
    })
    .await
}

async fn comes(mut ask: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    until("it", async || Ok(ask().await?.then_some(()))).await
}

//! Nobody waits for somebody else's records of the table's stream, and no record is lost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream::iter};
use serde_json::{Value, json};
use tests::{Plan, Stack, Tier, User, id_of, number, pictures, unique, until};

use crate::{
    DYNAMODB, S3, TURN, astray, nobody,
    proxy::{Fault, Proxy},
    redrive::{Impatient, holds, purge_dead_letters, redrive},
};

/// How long another user may wait. Without the measures against a record that fails, this is as long as Lambda repeats
/// the record. `cargo xtask bench stream` shows the measures against a busy user.
const SOON: Duration = Duration::from_secs(90);

/// Sends requests of BatchWriteItem, 25 in each, which is the maximum.
async fn write(stack: &Stack, requests: Vec<Value>) -> Result<()> {
    let batches = requests.chunks(25).map(|some| json!({"RequestItems": {&stack.outputs.table: some}}));
    let calls = batches.map(|batch| async move {
        stack.aws.json("dynamodb", "DynamoDB_20120810.BatchWriteItem", &batch).await.map(drop)
    });
    iter(calls.collect::<Vec<_>>()).buffer_unordered(4).try_collect().await
}

/// Creates and deletes pending images, past the API so that it is quick. All of them count in the user's profile.
async fn create_and_delete(stack: &Stack, user: &User, count: usize) -> Result<()> {
    let pk = json!({"S": format!("USER#{}", user.id)});
    let time = json!({"S": "2026-03-12T19:03:50Z"});
    let ids: Vec<String> = (0..count).map(|number| format!("01JZ9{number:021}")).collect();
    user.change_profile("SET images = :n, bytes = :n", json!({":n": count})).await?;
    let items = ids.iter().map(|id| {
        json!({"PutRequest": {"Item": {
            "pk": pk, "sk": {"S": format!("IMAGE#{id}")}, "id": {"S": id}, "file_name": {"S": "a"},
            "content_type": {"S": "image/png"}, "size": {"N": "1"}, "version": {"N": "1"},
            "status": {"S": "pending"}, "created_at": time, "updated_at": time,
        }}})
    });
    write(stack, items.collect()).await?;
    let deletes = ids
        .iter()
        .map(|id| json!({"DeleteRequest": {"Key": {"pk": pk, "sk": {"S": format!("IMAGE#{id}")}}}}));
    write(stack, deletes.collect()).await
}

/// Puts an item that looks like an image and cannot be read as one, and deletes it.
async fn poison(stack: &Stack, user: &User) -> Result<()> {
    let key = format!("USER#{}", user.id);
    let item = json!({"pk": key, "sk": "IMAGE#poison", "status": "unheard of"});
    stack.aws.put_item(&stack.outputs.table, &item).await?;
    stack.aws.delete_item(&stack.outputs.table, &key, "IMAGE#poison").await
}

#[tokio::test]
async fn an_invalid_record_and_a_busy_user_delay_nobody() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let busy = stack.user_in(Tier::ENTERPRISE).await?;
    let (other, plan) = (stack.user_in(Tier::ENTERPRISE).await?, Plan::new()?);
    let gone = other.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let stays = other.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let (gone, stays) = (id_of(&gone)?, id_of(&stays)?);
    let size = other.usage().await?.1 / 2;

    poison(&stack, &busy).await?;
    create_and_delete(&stack, &busy, number("DARKROOM_PAIRS", 1_000)?).await?;
    let start = Instant::now();
    other.delete(&format!("/api/images/{gone}?permanent=true")).await?.expect(204)?;
    let analysis = json!({"prompt": plan.prompt()});
    other.post(&format!("/api/images/{stays}/analysis"), &analysis).await?.expect(202)?;
    other.usage_becomes(1, size).await?;
    other.objects_vanish(gone).await?;
    let cleaned_up = start.elapsed();
    assert_eq!(other.analysed(stays).await?["analysis"]["status"], "done");
    let analysed = start.elapsed();
    eprintln!("the deletion took {cleaned_up:?}, the analysis {analysed:?}");
    ensure!(cleaned_up < SOON && analysed < SOON, "{cleaned_up:?} and {analysed:?}");
    busy.usage_becomes(0, 0).await
}

#[tokio::test]
async fn a_record_that_fails_for_long_is_kept_whole_and_done_after_a_redrive() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let (id, pending) = (id_of(&image)?, user.create("image/png", 10).await?);
    let size = image["size"].as_u64().context("no size")?;
    let letters = stack.resource("StreamDeadLetters").await?;
    purge_dead_letters(&stack).await?;
    let impatient = Impatient::queue(&stack, "StreamRetries").await?;
    let nobody = nobody().await?;
    let dead = astray(&stack, "WorkersStream", (S3, &nobody), async || {
        user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
        // The failed record holds up no other.
        user.delete(&format!("/api/images/{}?permanent=true", pending.id())).await?.expect(204)?;
        user.usage_becomes(1, size).await?;
        holds(&stack, &letters, "1").await
    })
    .await;
    impatient.restore().await?;
    dead?;
    let (originals, thumbnails) = user.objects(id).await?;
    assert_eq!((originals.len(), thumbnails.len(), user.usage().await?), (1, 1, (1, size)));

    assert_eq!(redrive()?, "1 messages were sent again.\n");
    user.objects_vanish(id).await?;
    user.usage_becomes(0, 0).await?;
    holds(&stack, &letters, "0").await
}

/// The shard and the number of the stream's record about the removal of an image.
async fn position(stack: &Stack, id: &str) -> Result<Value> {
    let call = async |operation: &str, body: Value| {
        stack.aws.json("dynamodb", &format!("DynamoDBStreams_20120810.{operation}"), &body).await
    };
    let streams = call("ListStreams", json!({"TableName": stack.outputs.table})).await?;
    let arn = &streams["Streams"][0]["StreamArn"];
    let shards = call("DescribeStream", json!({"StreamArn": arn})).await?;
    for shard in shards["StreamDescription"]["Shards"].as_array().context("no shards")? {
        let shard = &shard["ShardId"];
        let start = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let mut iterator = call("GetShardIterator", start).await?["ShardIterator"].take();
        while iterator.is_string() {
            let mut page = call("GetRecords", json!({"ShardIterator": iterator})).await?;
            let records = page["Records"].as_array().context("no records")?;
            let is_it = |record: &&Value| {
                record["eventName"] == "REMOVE"
                    && record["dynamodb"]["Keys"]["sk"]["S"] == format!("IMAGE#{id}").as_str()
            };
            if let Some(record) = records.iter().find(is_it) {
                let number = &record["dynamodb"]["SequenceNumber"];
                return Ok(json!({
                    "shardId": shard, "startSequenceNumber": number, "endSequenceNumber": number,
                    "batchSize": 1, "streamArn": arn,
                }));
            }
            if records.is_empty() {
                break;
            }
            iterator = page["NextShardIterator"].take();
        }
    }
    anyhow::bail!("the stream has no record of {id}")
}

#[tokio::test]
async fn what_lambda_gave_up_is_read_from_the_stream_again() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let user = stack.user().await?;
    let image = user.upload_and_develop("image/png", pictures::png(64, 64)?).await?;
    let id = id_of(&image)?;
    user.delete(&format!("/api/images/{id}?permanent=true")).await?.expect(204)?;
    user.objects_vanish(id).await?;
    purge_dead_letters(&stack).await?;
    // What is left, as if the clean-up had never run, and Lambda's letter about it.
    stack
        .aws
        .put_object(&stack.outputs.derived_bucket, &format!("{}/200.png", user.key(id)), vec![0])
        .await?;
    let letter = json!({
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1},
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "version": "1.0",
        "DDBStreamBatchInfo": position(&stack, id).await?,
    });
    stack.aws.send_message(&stack.resource("StreamDeadLetters").await?, &letter).await?;
    assert_eq!(redrive()?, "1 messages were sent again.\n");
    user.objects_vanish(id).await?;
    assert_eq!(user.usage().await?, (0, 0));
    Ok(())
}

fn rules(max_images: u32) -> Value {
    json!({
        "name": "Sample", "thumbnail_sizes": [200], "original_link": false, "expiring_links": false,
        "max_image_bytes": 1_000_000, "max_images": max_images, "ai": false,
    })
}

/// The id of a new tier.
fn new_tier() -> String {
    let id = unique("t");
    id[id.len().saturating_sub(30)..].trim_start_matches('-').to_owned()
}

async fn max_images_become(user: &User, max_images: u32) -> Result<()> {
    until("the new rules", async || {
        let limits = user.item("PROFILE").await?.context("no profile")?["limits"].take();
        Ok((limits["max_images"] == max_images).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_tier_that_changes_reaches_users_whom_the_index_does_not_show_yet() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (admin, moved, new) = tokio::try_join!(stack.admin(), stack.user(), stack.user())?;
    // The worker learns of a new profile by itself. So this user has one before the move.
    moved.create("image/png", 10).await?;
    let (tier, outputs) = (new_tier(), &stack.outputs);
    let path = format!("/api/admin/account-tiers/{tier}");
    admin.put(&path, &rules(5)).await?.expect(200)?;
    let proxy = Proxy::start(&outputs.endpoint_url, "Query", Fault::Outdated, usize::MAX).await?;
    astray(&stack, "WorkersTiers", (DYNAMODB, &proxy.address), async || {
        // The worker sees a tier without users, and from now on it sees nothing else in the index.
        admin.put(&path, &rules(6)).await?.expect(200)?;
        until("the first change", async || Ok((proxy.calls() > 1).then_some(()))).await?;
        admin
            .put(&format!("/api/admin/users/{}/tier", moved.id), &json!({"tier": tier}))
            .await?
            .expect(200)?;
        // A new profile, as a user's first image makes it.
        let limits = stack.aws.item(&outputs.table, "TIER", &format!("TIER#{tier}")).await?;
        let profile = json!({
            "pk": format!("USER#{}", new.id), "sk": "PROFILE", "tier": tier, "limits": limits, "images": 1,
            "bytes": 10,
        });
        stack.aws.put_item(&outputs.table, &profile).await?;
        let join = format!("{tier}#{}", new.id);
        until("the worker to see the profile", async || {
            stack.aws.item(&outputs.table, "TIER_JOINS", &join).await
        })
        .await?;
        admin.put(&path, &rules(7)).await?.expect(200)?;
        tokio::try_join!(max_images_become(&moved, 7), max_images_become(&new, 7)).map(drop)
    })
    .await
}

#[tokio::test]
async fn a_tier_stays_while_it_has_a_user_whom_the_index_does_not_show_yet() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let tier = new_tier();
    let path = format!("/api/admin/account-tiers/{tier}");
    let of_user = format!("/api/admin/users/{}/tier", user.id);
    admin.put(&path, &rules(5)).await?.expect(200)?;
    let endpoint = &stack.outputs.endpoint_url;
    let proxy = Proxy::start(endpoint, "Query", Fault::Outdated, usize::MAX).await?;
    astray(&stack, "AdminTiersDelete", (DYNAMODB, &proxy.address), async || {
        // The index shows no user, and from now on it does not change.
        admin.delete(&path).await?.expect(204)?;
        admin.put(&path, &rules(5)).await?.expect(200)?;
        admin.put(&of_user, &json!({"tier": tier})).await?.expect(200)?;
        admin.delete(&path).await?.problem(409, "tier-in-use")?;
        admin.put(&of_user, &json!({"tier": "basic"})).await?.expect(200)?;
        admin.delete(&path).await?.expect(204).map(drop)
    })
    .await
}

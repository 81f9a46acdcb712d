//! Handles the table's stream.
//!
//! When an item is removed, by its owner or because it expired, the worker cleans up after it. An image leaves objects,
//! expiring links, its share of the quota, its slot in a set, and its copy in Dropbox. A set leaves images. The item of
//! a replacement expires if its upload does not arrive in time. The item of an image in the trash expires when the image
//! must be deleted. When a job is added, the worker sends it to its queue.
//!
//! One function does both, because at most two functions may read a stream (AWS Lambda developer guide, "Using AWS
//! Lambda with Amazon DynamoDB"). The other one is `workers-events`. For the same reason, this worker sends the records
//! that `workers-tiers` needs to the queue of that worker. Of each batch, the jobs and these records are sent first, so
//! that they do not wait for the clean-up. The same function reads the queue of the records that failed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Image, Job, UserId};
use lambda_runtime::{Error, service_fn};
use store::{Objects, Records, Refund};
use tracing::{Instrument, info};
use workers::{
    ArrivedUploads, BatchWorker, Dispatcher, Keys, Outcomes, Removed, RetryQueue, StreamAction, TierRecords,
    correlation_id, each_in_order, unpanicked,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let (dispatcher, arrived) = (Dispatcher::from_env(&config)?, ArrivedUploads::from_env(&config)?);
    let worker =
        StreamWorker { records, objects, dispatcher, tiers: TierRecords::from_env(&config)?, arrived };
    let queue = RetryQueue::from_env(&config, "RECLAIM_QUEUE")?;
    lambda_runtime::run(service_fn(|event| queue.process(&worker, event))).await
}

struct StreamWorker {
    records: Records,
    objects: Objects,
    dispatcher: Dispatcher,
    tiers: TierRecords,
    arrived: ArrivedUploads,
}

/// The refunds of each user, with the indexes of their records.
type Refunds = HashMap<UserId, Vec<(usize, Refund)>>;

impl BatchWorker for StreamWorker {
    /// The jobs of the next batch wait for the clean-up of this one. With quick answers of AWS, a batch takes a second or
    /// two.
    const STREAM_LIMIT: Duration = Duration::from_secs(10);

    /// Processes the records of a batch: first new jobs, then everything else side by side, and at last the refunds of
    /// all deleted images of a user together.
    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        let (mut jobs, mut tiers) = (Vec::new(), Vec::new());
        let mut items: BTreeMap<Keys, Vec<(usize, UserId, Removed)>> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            match Keys::of(record).and_then(|keys| Ok((StreamAction::of(record)?, keys))) {
                Ok((Some(StreamAction::Dispatch(user, job)), _)) => jobs.push(vec![(index, user, job)]),
                Ok((Some(StreamAction::ForwardToTiers), _)) => tiers.push(vec![(index, record)]),
                Ok((Some(StreamAction::CleanUp(user, removed)), keys)) => {
                    items.entry(keys).or_default().push((index, user, removed));
                }
                Ok((None, _)) => outcomes.set(index, Ok(())),
                Err(cause) => outcomes.set(index, Err(cause)),
            }
        }
        each_in_order(jobs, async |(index, user, job)| {
            let span = telemetry::correlated(correlation_id(&job));
            outcomes.run(index, self.dispatch(user, &job).instrument(span)).await;
        })
        .await;
        each_in_order(tiers, async |(index, record)| {
            outcomes.run(index, self.tiers.send(record)).await;
        })
        .await;

        // A third of the time is for the refunds, which follow.
        let limit = outcomes.limit() * 2 / 3;
        let until = Instant::now() + limit;
        let refunds = Mutex::new(Refunds::new());
        let clean_up = each_in_order(items.into_values(), async |(index, user, removed)| {
            match unpanicked(self.clean_up(&user, removed, until)).await {
                Ok(Some(refund)) => {
                    let mut refunds = refunds.lock().unwrap_or_else(PoisonError::into_inner);
                    refunds.entry(user).or_default().push((index, refund));
                }
                Ok(None) => outcomes.set(index, Ok(())),
                Err(cause) => outcomes.set(index, Err(cause)),
            }
        });
        // Records without an outcome are retried.
        let _ = tokio::time::timeout(limit, clean_up).await;
        let refunds = refunds.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The refunds of one user change the same profile, so they follow one another.
        let chunks = refunds.into_iter().map(|(user, refunds)| {
            let chunks = refunds.chunks(Records::REFUNDS_AT_ONCE).map(|some| (user.clone(), some.to_vec()));
            chunks.collect()
        });
        each_in_order(chunks, async |(user, refunds): (UserId, Vec<(usize, Refund)>)| {
            let (indexes, refunds): (Vec<usize>, Vec<Refund>) = refunds.into_iter().unzip();
            let outcome = unpanicked(self.records.refund_quota(&user, &refunds, domain::now())).await;
            info!(%user, images = refunds.len(), done = outcome.is_ok(), "refunded deleted images");
            outcomes.set_all(indexes, outcome);
        })
        .await;
    }
}

impl StreamWorker {
    /// Sends a new job to its queue.
    async fn dispatch(&self, user: UserId, job: &Job) -> Result<(), CallError> {
        self.dispatcher.send(user, job).await?;
        info!(job = %job.id, "sent a job to its queue");
        Ok(())
    }

    /// Cleans up after an item, at most until a time. Repeating it has no further effect. Returns the refund of an image,
    /// which follows.
    ///
    /// The refund is the last step, because the marker that prevents a second refund expires some day. A record whose
    /// refund was written needs no retry.
    async fn clean_up(
        &self,
        user: &UserId,
        removed: Removed,
        until: Instant,
    ) -> Result<Option<Refund>, CallError> {
        let now = domain::now();
        match removed {
            // An upload that has arrived is developed, although the deadline is over.
            Removed::Image { image, has_expired: true }
                if self.arrived.rescue_image(user, &image).await? => {}
            Removed::Replacement { image, version, has_expired: true }
                if self.arrived.rescue_replacement(user, image, version).await? => {}
            Removed::Image { image, has_expired } => {
                self.clean_up_image(user, &image).await?;
                if !image.was_never_uploaded() {
                    info!(%user, image = %image.id, has_expired, "cleaned up after an image");
                }
                return Ok(Some(Refund::of(&image, now)));
            }
            Removed::Marker(image) => {
                // The event of a file that arrived after the deletion may have been lost.
                self.objects.remove_all(user, image).await?;
            }
            Removed::Trash(image) => {
                if self.records.expire_trashed(user, image, now).await? {
                    info!(%user, %image, "deleted an image whose time in the trash was over");
                }
            }
            Removed::Account => {
                if !self.objects.remove_user(user, until).await? {
                    return Err(CallError::Unavailable("a deleted account has many late files".into()));
                }
                info!(%user, "looked for late files of a deleted account");
            }
            Removed::Set { id, slots } => {
                self.records.delete_images_of(user, id, &slots).await?;
                info!(%user, "deleted the images of a set");
            }
            Removed::Replacement { image, version, .. } => {
                if let Some(image) = self.records.expire_replacement(user, image, version, now).await? {
                    let current = image.picture.as_ref().map(|picture| picture.version);
                    let is_kept = |version| Some(version) == current;
                    // A version between the two may have left a file, if its event was lost.
                    self.objects.remove_unneeded(&image.key(user), is_kept).await?;
                    info!(%user, image = %image.id, version, "ended a replacement that expired");
                }
            }
        }
        Ok(None)
    }

    async fn clean_up_image(&self, user: &UserId, image: &Image) -> Result<(), CallError> {
        let free_slot = async {
            match image.set {
                Some(place) => self.records.free_slot(user, image.id, place).await,
                None => Ok(()),
            }
        };
        let delete_deferred_edit = async {
            match image.edit_image_id.filter(|_| image.edit_deferred) {
                Some(edit) => self.records.delete_waiting_edit(user, edit, domain::now()).await,
                None => Ok(()),
            }
        };
        let delete_links = async {
            // Only an image with a picture can have links.
            match image.picture {
                Some(_) => self.records.delete_links_of(user, image.id).await,
                None => Ok(()),
            }
        };
        let unlist = async {
            match image.trash {
                Some(_) => self.records.unlist_trashed(user, image.id).await,
                None => Ok(()),
            }
        };
        let delete_words = self.records.delete_words(user, image.id);
        let remove_objects = async {
            // `workers-thumbnail` deletes a file that arrives now or later, because its image does not exist.
            if image.was_never_uploaded() {
                return Ok(());
            }
            // The items go first: a worker that makes a rendition now finds no item, and deletes its file.
            if image.may_have_renditions() {
                self.records.delete_renditions(user, image.id, |_| false).await?;
            }
            self.objects.remove_all(user, image.id).await
        };
        tokio::try_join!(delete_deferred_edit, delete_links, unlist, delete_words, remove_objects, free_slot)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use lambda_runtime::LambdaEvent;
    use serde_json::{Value, json};
    use test_support::{FakeAws, error, ok};

    use workers::UploadRetries;

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    fn job() -> Value {
        json!({
            "id": {"S": ID}, "task": {"S": "delete_dropbox_copy"}, "path": {"S": "/+4930901820/a.jpg"},
            "attempts": {"N": "0"},
        })
    }

    /// A removal of an image that was never uploaded.
    fn removal(user: &str, number: usize) -> Value {
        let id = format!("01JZ8Q4T2N6V5X3R9C7M1K{number:04}");
        let image = json!({
            "id": {"S": id}, "file_name": {"S": "a"}, "content_type": {"S": "image/png"}, "size": {"N": "7"},
            "version": {"N": "1"}, "status": {"S": "pending"}, "created_at": {"S": "2026-03-12T19:03:50Z"},
            "updated_at": {"S": "2026-03-12T19:03:50Z"},
        });
        record("REMOVE", user, &format!("IMAGE#{id}"), "OldImage", image)
    }

    fn record(event: &str, user: &str, sk: &str, item_name: &str, item: Value) -> Value {
        let keys = json!({"pk": {"S": format!("USER#{user}")}, "sk": {"S": sk}});
        let change = json!({"Keys": keys, item_name: item, "SequenceNumber": sk, "SizeBytes": 1});
        json!({
            "eventID": sk, "eventName": event, "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": change,
        })
    }

    /// Lets the worker process these records, and returns the calls to AWS.
    async fn calls(aws: &FakeAws, records: Vec<Value>) -> (Value, Vec<(String, Value)>) {
        let config = aws.config();
        let worker = StreamWorker {
            records: aws.records(),
            objects: aws.objects(),
            dispatcher: Dispatcher::new(
                &config,
                ["analysis", "edits", "dropbox", "downloads", "webhooks", "accounts"].map(str::to_owned),
            ),
            tiers: TierRecords::new(&config, "tiers".to_owned()),
            arrived: ArrivedUploads::new(
                aws.records(),
                aws.objects(),
                UploadRetries::new(&config, "uploads".to_owned()),
            ),
        };
        let queue = RetryQueue::new(&config, "retries".to_owned(), Duration::from_secs(10));
        let mut context = lambda_runtime::Context::default();
        context.deadline = u64::MAX;
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let answer = queue.process(&worker, LambdaEvent::new(event, context)).await.unwrap();
        (serde_json::to_value(answer).unwrap(), aws.calls())
    }

    /// The responses to the deletions of the words of this number of images.
    fn words_deleted(images: usize) -> impl Iterator<Item = (&'static str, u16, Value)> {
        (0..images).map(|_| ok("DeleteItem", json!({})))
    }

    /// The calls without the deletions of words, of which there must be this number.
    fn without_words(mut calls: Vec<(String, Value)>, images: usize) -> Vec<(String, Value)> {
        let before = calls.len();
        calls.retain(|(operation, _)| operation != "DeleteItem");
        assert_eq!(before - calls.len(), images);
        calls
    }

    fn none_failed() -> Value {
        json!({"batchItemFailures": []})
    }

    #[tokio::test]
    async fn jobs_are_sent_before_anything_else_and_images_without_a_file_need_no_call_to_s3() {
        let transact = || ok("TransactWriteItems", json!({}));
        let prepared = [transact(), transact(), ok("SendMessage", json!({}))];
        let aws = FakeAws::new(prepared.into_iter().chain(words_deleted(4)));
        let mut records: Vec<Value> = (0..3).map(|number| removal("ann", number)).collect();
        records.push(removal("bob", 3));
        records.push(record("INSERT", "bob", &format!("JOB#{ID}"), "NewImage", job()));
        let (answer, calls) = calls(&aws, records).await;
        assert_eq!((answer, calls[0].0.as_str()), (none_failed(), "SendMessage"));
        let calls = without_words(calls, 4);
        let operations: Vec<&str> = calls.iter().map(|(operation, _)| operation.as_str()).collect();
        assert_eq!(operations, ["SendMessage", "TransactWriteItems", "TransactWriteItems"]);
        assert_eq!(calls[0].1["QueueUrl"], "dropbox");
        // So that one user's jobs do not keep those of others waiting.
        assert_eq!(calls[0].1["MessageGroupId"], "bob");
        // One transaction for each user: the markers and one update of the usage.
        let mut sizes: Vec<usize> =
            calls[1..].iter().map(|(_, input)| input["TransactItems"].as_array().unwrap().len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [2, 4]);
    }

    #[tokio::test]
    async fn what_the_worker_of_tiers_needs_goes_whole_to_its_queue() {
        let aws = FakeAws::new([ok("SendMessage", json!({})), ok("SendMessage", json!({}))]);
        let event: Value =
            serde_json::from_str(include_str!("../../../../events/workers-tiers.json")).unwrap();
        let tier = event["Records"][0].clone();
        let profile = record("INSERT", "ann", "PROFILE", "NewImage", json!({"tier": {"S": "basic"}}));
        let (answer, calls) = calls(&aws, vec![tier.clone(), profile.clone()]).await;
        assert_eq!(answer, none_failed());
        for ((_, message), sent) in calls.iter().zip([tier, profile]) {
            assert_eq!(message["QueueUrl"], "tiers");
            let received: EventRecord =
                serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
            assert_eq!(received, serde_json::from_value(sent).unwrap());
        }
    }

    #[tokio::test]
    async fn many_images_of_a_user_are_refunded_in_transactions_of_45() {
        let refunds = (0..3).map(|_| ok("TransactWriteItems", json!({})));
        let aws = FakeAws::new(refunds.chain(words_deleted(100)));
        let (answer, calls) = calls(&aws, (0..100).map(|number| removal("ann", number)).collect()).await;
        let calls = without_words(calls, 100);
        assert_eq!(answer, none_failed());
        let usage = |input: &Value| {
            let items = input["TransactItems"].as_array().unwrap().clone();
            let update = items.iter().find_map(|item| item.get("Update")).unwrap();
            let values = update["ExpressionAttributeValues"].as_object().unwrap();
            let mut values: Vec<String> = values.values().map(|value| value["N"].to_string()).collect();
            values.sort_unstable();
            (items.len(), values.join(" "))
        };
        let usages: Vec<_> = calls.iter().map(|(_, input)| usage(input)).collect();
        let expected = [(46, r#""-315" "-45""#), (46, r#""-315" "-45""#), (11, r#""-10" "-70""#)];
        assert_eq!(usages, expected.map(|(items, values)| (items, values.to_owned())));
    }

    #[tokio::test]
    async fn the_images_of_a_refund_that_fails_are_put_aside_and_the_others_are_done() {
        let aws = FakeAws::new([
            error("TransactWriteItems", "AccessDeniedException"),
            ok("SendMessage", json!({})),
            ok("SendMessage", json!({})),
            ok("DeleteItem", json!({})),
            ok("DeleteItem", json!({})),
        ]);
        let set = json!({
            "id": {"S": ID}, "created_at": {"S": "2026-03-12T19:03:50Z"}, "slots": {"M": {}},
            "updated_at": {"S": "2026-03-12T19:03:50Z"},
        });
        let empty_set = record("REMOVE", "bob", &format!("SET#{ID}"), "OldImage", set);
        let records = vec![removal("ann", 0), empty_set, removal("ann", 1)];
        let (answer, calls) = calls(&aws, records.clone()).await;
        assert_eq!(answer, none_failed());
        let calls = without_words(calls, 2);
        let sent: Vec<Value> = calls[1..]
            .iter()
            .map(|(_, input)| serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap())
            .collect();
        assert_eq!(sent, [records[0].clone(), records[2].clone()]);
    }

    #[tokio::test]
    async fn an_image_whose_clean_up_panics_is_put_aside_and_the_others_are_done() {
        // The call to S3 about the first image panics, because this test prepares no response for it.
        let prepared = [ok("TransactWriteItems", json!({})), ok("SendMessage", json!({}))];
        let aws = FakeAws::new(prepared.into_iter().chain(words_deleted(2)));
        let mut uploaded = removal("ann", 0);
        uploaded["dynamodb"]["OldImage"]["status"] = json!({"S": "failed"});
        let (answer, calls) = calls(&aws, vec![uploaded.clone(), removal("ann", 1)]).await;
        assert_eq!(answer, none_failed());
        let input = |operation: &str| {
            let mut calls = calls.iter().filter(|(name, _)| name == operation);
            calls.next().map(|(_, input)| input.clone()).unwrap()
        };
        // The marker of the second image, and the update of the usage.
        assert_eq!(input("TransactWriteItems")["TransactItems"].as_array().unwrap().len(), 2);
        let message: Value =
            serde_json::from_str(input("SendMessage")["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(message, uploaded);
    }
}

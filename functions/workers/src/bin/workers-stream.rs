//! Handles the table's stream.
//!
//! When an item is removed, by its owner or because it expired, the worker cleans up after it. An image leaves objects, its
//! share of the quota, its slot in a set, and its copy in Dropbox. A set leaves images. The item of a replacement expires
//! if its upload does not arrive in time. When a job is added, the worker sends it to its queue.
//!
//! One function does both, because at most two functions may read a stream (AWS Lambda developer guide, "Using AWS Lambda
//! with Amazon DynamoDB"). The other one is `workers-tiers`. Of each batch, the jobs are sent first, so that they do not
//! wait for the clean-up. The same function reads the queue of the records that failed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Image, Job, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::{Objects, Records, Refund};
use tracing::info;
use workers::{
    ArrivedUploads, BatchAnswer, Dispatcher, Keys, Outcomes, RecordBatch, Removed, RetryQueue, StreamAction,
    each_in_order, unpanicked,
};

/// The longest time for a batch until the refunds of its images begin. The rest of the images is retried.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let (dispatcher, arrived) = (Dispatcher::from_env(&config)?, ArrivedUploads::from_env(&config)?);
    let worker = StreamWorker { records, objects, dispatcher, arrived };
    let queue = RetryQueue::from_env(&config)?;
    lambda_runtime::run(service_fn(|event| handle(&worker, &queue, event))).await
}

async fn handle(
    worker: &StreamWorker,
    queue: &RetryQueue,
    event: LambdaEvent<RecordBatch>,
) -> Result<BatchAnswer, Error> {
    queue.process(event, async |records, outcomes| worker.process(records, outcomes).await).await
}

struct StreamWorker {
    records: Records,
    objects: Objects,
    dispatcher: Dispatcher,
    arrived: ArrivedUploads,
}

/// The refunds of each user, with the indexes of their records.
type Refunds = HashMap<UserId, Vec<(usize, Refund)>>;

impl StreamWorker {
    /// Processes the records of a batch: first new jobs, then everything else side by side, and at last the refunds of
    /// all deleted images of a user together.
    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        let mut jobs = Vec::new();
        let mut items: BTreeMap<Keys, Vec<(usize, UserId, Removed)>> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            match Keys::of(record).and_then(|keys| Ok((StreamAction::of(record)?, keys))) {
                Ok((Some(StreamAction::Dispatch(user, job)), _)) => jobs.push(vec![(index, user, job)]),
                Ok((Some(StreamAction::CleanUp(user, removed)), keys)) => {
                    items.entry(keys).or_default().push((index, user, removed));
                }
                Ok((None, _)) => outcomes.set(index, Ok(())),
                Err(cause) => outcomes.set(index, Err(cause)),
            }
        }
        each_in_order(jobs, async |(index, user, job)| {
            outcomes.run(index, self.dispatch(user, &job)).await;
        })
        .await;

        let refunds = Mutex::new(Refunds::new());
        let clean_up = each_in_order(items.into_values(), async |(index, user, removed)| {
            match unpanicked(self.clean_up(&user, removed)).await {
                Ok(Some(refund)) => {
                    let mut refunds = refunds.lock().unwrap_or_else(PoisonError::into_inner);
                    refunds.entry(user).or_default().push((index, refund));
                }
                Ok(None) => outcomes.set(index, Ok(())),
                Err(cause) => outcomes.set(index, Err(cause)),
            }
        });
        // Records without an outcome are retried.
        let _ = tokio::time::timeout(CLEAN_UP_LIMIT, clean_up).await;
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

    /// Sends a new job to its queue.
    async fn dispatch(&self, user: UserId, job: &Job) -> Result<(), CallError> {
        self.dispatcher.send(user, job).await?;
        info!(job = %job.id, "sent a job to its queue");
        Ok(())
    }

    /// Cleans up after an item. Repeating it has no further effect. Returns the refund of an image, which follows.
    ///
    /// The refund is the last step, because the marker that prevents a second refund expires some day. A record whose
    /// refund was written needs no retry.
    async fn clean_up(&self, user: &UserId, removed: Removed) -> Result<Option<Refund>, CallError> {
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
            Removed::Account => {
                if !self.objects.remove_user(user, Instant::now() + CLEAN_UP_LIMIT).await? {
                    return Err(CallError::Unavailable("a deleted account has many late files".into()));
                }
                info!(%user, "looked for late files of a deleted account");
            }
            Removed::Set(slots) => {
                self.records.delete_images_of(user, &slots, now).await?;
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
        let remove_objects = async {
            // `workers-thumbnail` deletes a file that arrives now or later, because its image does not exist.
            if image.was_never_uploaded() { Ok(()) } else { self.objects.remove_all(user, image.id).await }
        };
        tokio::try_join!(delete_deferred_edit, remove_objects, free_slot).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use endpoint_test::{FakeAws, error, ok};
    use serde_json::{Value, json};

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
                ["analysis", "edits", "dropbox", "accounts"].map(str::to_owned),
            ),
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
        let answer = handle(&worker, &queue, LambdaEvent::new(event, context)).await.unwrap();
        (serde_json::to_value(answer).unwrap(), aws.calls())
    }

    fn none_failed() -> Value {
        json!({"batchItemFailures": []})
    }

    #[tokio::test]
    async fn jobs_are_sent_before_anything_else_and_images_without_a_file_need_no_call_to_s3() {
        let transact = || ok("TransactWriteItems", json!({}));
        let aws = FakeAws::new([transact(), transact(), ok("SendMessage", json!({}))]);
        let mut records: Vec<Value> = (0..3).map(|number| removal("ann", number)).collect();
        records.push(removal("bob", 3));
        records.push(record("INSERT", "bob", &format!("JOB#{ID}"), "NewImage", job()));
        let (answer, calls) = calls(&aws, records).await;
        assert_eq!(answer, none_failed());
        let operations: Vec<&str> = calls.iter().map(|(operation, _)| operation.as_str()).collect();
        assert_eq!(operations, ["SendMessage", "TransactWriteItems", "TransactWriteItems"]);
        assert_eq!(calls[0].1["QueueUrl"], "dropbox");
        // One transaction for each user: the markers and one update of the usage.
        let mut sizes: Vec<usize> =
            calls[1..].iter().map(|(_, input)| input["TransactItems"].as_array().unwrap().len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [2, 4]);
    }

    #[tokio::test]
    async fn many_images_of_a_user_are_refunded_in_transactions_of_45() {
        let aws = FakeAws::new((0..3).map(|_| ok("TransactWriteItems", json!({}))));
        let (answer, calls) = calls(&aws, (0..100).map(|number| removal("ann", number)).collect()).await;
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
        ]);
        let set = json!({
            "id": {"S": ID}, "created_at": {"S": "2026-03-12T19:03:50Z"}, "slots": {"M": {}},
            "updated_at": {"S": "2026-03-12T19:03:50Z"},
        });
        let empty_set = record("REMOVE", "bob", &format!("SET#{ID}"), "OldImage", set);
        let records = vec![removal("ann", 0), empty_set, removal("ann", 1)];
        let (answer, calls) = calls(&aws, records.clone()).await;
        assert_eq!(answer, none_failed());
        let sent: Vec<Value> = calls[1..]
            .iter()
            .map(|(_, input)| serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap())
            .collect();
        assert_eq!(sent, [records[0].clone(), records[2].clone()]);
    }
}

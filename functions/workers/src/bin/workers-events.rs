//! Handles the table's stream: tells other programs about changes of images, accounts and webhooks.
//!
//! Each change becomes an event. The worker records a delivery for each webhook that asks for the event, and puts the
//! event on the EventBridge bus. The events of one image follow one another. So a record that fails holds up the
//! records after it, until EventBridge and DynamoDB answer again.
//!
//! The same function reads the queue of records that could not be read, and of those that an operator sends again.

use std::sync::{Mutex, PoisonError};

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Delivery, Event, Timestamp, UserId};
use futures_util::future::try_join_all;
use lambda_runtime::{Error, service_fn};
use store::Records;
use tracing::debug;
use workers::{BatchWorker, EventBus, Outcomes, RetryQueue, delivery_id, each_in_order, events_of};

/// How many records of a batch are told about together. PutEvents takes ten events.
const PIECE: usize = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, bus) = (Records::from_env(&config)?, EventBus::from_env(&config)?);
    let worker = EventsWorker { records, bus, source: aws::var("EVENT_SOURCE")? };
    let queue = RetryQueue::from_env(&config, "EVENTS_QUEUE")?;
    lambda_runtime::run(service_fn(|event| queue.process(&worker, event))).await
}

struct EventsWorker {
    records: Records,
    bus: EventBus,
    /// The CloudEvents source of the deployment.
    source: String,
}

/// A record that failed, by its index in the batch.
type FailedRecord = Option<(usize, CallError)>;

impl BatchWorker for EventsWorker {
    /// Tells about the records of a batch, up to the first one that fails. If there is not enough time, Lambda repeats
    /// the batch from the first record that was not told about.
    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        outcomes.hold_from(0, &CallError::Unavailable("there was not enough time".into()));
        for (number, piece) in records.chunks(PIECE).enumerate() {
            let start = number * PIECE;
            let (told, failed) = self.tell(piece).await;
            // A record that cannot be read waits in the queue, because a repetition of the batch would not help.
            for (index, outcome) in told.into_iter().enumerate() {
                outcomes.set(start + index, outcome);
            }
            if let Some((index, error)) = failed {
                return outcomes.hold_from(start + index, &error);
            }
        }
    }
}

impl EventsWorker {
    /// Tells about some records, up to the first one that fails. Returns the outcomes of those before it.
    async fn tell(&self, records: &[EventRecord]) -> (Vec<Result<(), CallError>>, FailedRecord) {
        let parsed: Vec<_> = records.iter().map(|record| events_of(record, &self.source)).collect();
        let events: Vec<(usize, &Event)> = parsed
            .iter()
            .enumerate()
            .flat_map(|(index, events)| events.iter().flatten().map(move |event| (index, event)))
            .collect();
        let mut failed = self.record_deliveries(&events, domain::now()).await;
        let end = failed.as_ref().map_or(records.len(), |(index, _)| *index);
        let recorded: Vec<&Event> =
            events.iter().filter(|(index, _)| *index < end).map(|(_, event)| *event).collect();
        let (done, outcome) = self.bus.put(&recorded).await;
        if let (Err(error), Some((index, _))) = (outcome, events.get(done)) {
            failed = Some((*index, error));
        }
        let end = failed.as_ref().map_or(records.len(), |(index, _)| *index);
        // Not `info`: every upload would write two such lines, which name no image.
        debug!(records = end, events = done, "told about changes");
        (parsed.into_iter().take(end).map(|parsed| parsed.map(drop)).collect(), failed)
    }

    /// Records the deliveries of events. Returns the first record for which that failed.
    async fn record_deliveries(&self, events: &[(usize, &Event)], now: Timestamp) -> FailedRecord {
        let mut users: Vec<(&UserId, Vec<(usize, &Event)>)> = Vec::new();
        for (index, event) in events.iter().filter(|(_, event)| event.kind.is_for_webhooks()) {
            let user = &event.data.user;
            match users.iter_mut().find(|(known, _)| *known == user) {
                Some((_, events)) => events.push((*index, *event)),
                None => users.push((user, vec![(*index, *event)])),
            }
        }
        let failed: Mutex<FailedRecord> = Mutex::new(None);
        let users = users.into_iter().map(|user| vec![user]);
        each_in_order(users, async |(user, events): (&UserId, Vec<(usize, &Event)>)| {
            let Some((index, error)) = self.record_deliveries_of(user, &events, now).await else { return };
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.as_ref().is_none_or(|(first, _)| index < *first) {
                *failed = Some((index, error));
            }
        })
        .await;
        failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    async fn record_deliveries_of(
        &self,
        user: &UserId,
        events: &[(usize, &Event)],
        now: Timestamp,
    ) -> FailedRecord {
        let webhooks = match self.records.webhooks(user).await {
            Ok(webhooks) => webhooks,
            Err(error) => return events.first().map(|(index, _)| (*index, error)),
        };
        for (index, event) in events {
            let recorded = webhooks.iter().filter(|webhook| webhook.wants(event.kind)).map(async |webhook| {
                let id = delivery_id(event, webhook.id);
                let delivery = Delivery::new(id, webhook.id, (*event).clone(), now);
                self.records.record_delivery(user, &delivery).await
            });
            if let Err(error) = try_join_all(recorded).await {
                return Some((*index, error));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lambda_runtime::LambdaEvent;
    use serde_json::{Value, json};
    use test_support::{FakeAws, error, items, ok};

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    /// The record of a new image.
    fn created(user: &str, number: usize) -> Value {
        let id = format!("01JZ8Q4T2N6V5X3R9C7M1K{number:04}");
        let image = json!({
            "id": {"S": id}, "file_name": {"S": "a"}, "content_type": {"S": "image/png"}, "size": {"N": "7"},
            "version": {"N": "1"}, "status": {"S": "pending"}, "created_at": {"S": "2026-03-12T19:03:50Z"},
            "updated_at": {"S": "2026-03-12T19:03:50Z"},
        });
        record(user, number, &format!("IMAGE#{id}"), image)
    }

    fn record(user: &str, number: usize, sk: &str, item: Value) -> Value {
        let keys = json!({"pk": {"S": format!("USER#{user}")}, "sk": {"S": sk}});
        let change = json!({
            "Keys": keys, "NewImage": item, "SequenceNumber": number.to_string(), "SizeBytes": 1,
            "ApproximateCreationDateTime": 1_773_342_300,
        });
        json!({
            "eventID": format!("id-{number}"), "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1", "dynamodb": change,
        })
    }

    fn webhook(events: Value) -> Value {
        let mut webhook = json!({
            "webhook_id": ID, "url": "https://example.com/", "enabled": true,
            "created_at": "2026-03-12T19:03:50Z", "updated_at": "2026-03-12T19:03:50Z",
        });
        if !events.is_null() {
            webhook["events"] = events;
        }
        webhook
    }

    fn taken(entries: usize) -> (&'static str, u16, Value) {
        let entries = vec![json!({"EventId": "1"}); entries];
        ok("PutEvents", json!({"FailedEntryCount": 0, "Entries": entries}))
    }

    /// Lets the worker process these records, and returns the answer and the calls to AWS.
    async fn process(aws: &FakeAws, records: Vec<Value>) -> (Value, Vec<(String, Value)>) {
        let config = aws.config();
        let worker = EventsWorker {
            records: aws.records(),
            bus: EventBus::new(&config, "bus".to_owned()),
            source: "/darkroom/test".to_owned(),
        };
        let queue = RetryQueue::new(&config, "retries".to_owned(), Duration::from_secs(10));
        let mut context = lambda_runtime::Context::default();
        context.deadline = u64::MAX;
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let answer = queue.process(&worker, LambdaEvent::new(event, context)).await.unwrap();
        (serde_json::to_value(answer).unwrap(), aws.calls())
    }

    fn operations(calls: &[(String, Value)]) -> Vec<&str> {
        calls.iter().map(|(operation, _)| operation.as_str()).collect()
    }

    fn failures(numbers: &[&str]) -> Value {
        json!({"batchItemFailures": numbers.iter().map(|number| json!({"itemIdentifier": number})).collect::<Vec<_>>()})
    }

    #[tokio::test]
    async fn an_event_goes_to_the_webhooks_that_ask_for_it_and_to_the_bus() {
        let aws = FakeAws::new([
            ok("Query", items(&[webhook(Value::Null), webhook(json!(["image.ready"]))])),
            ok("TransactWriteItems", json!({})),
            taken(1),
        ]);
        let (answer, calls) = process(&aws, vec![created("ann", 1)]).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(operations(&calls), ["Query", "TransactWriteItems", "PutEvents"]);
        let written = calls[1].1["TransactItems"].as_array().unwrap();
        let keys: Vec<&str> = written
            .iter()
            .filter_map(|item| item["Put"]["Item"]["sk"]["S"].as_str()?.split('#').next())
            .collect();
        assert_eq!(keys, ["DELIVERY", "JOB"]);
    }

    #[tokio::test]
    async fn an_event_goes_to_all_webhooks_of_its_user() {
        let recorded = || ok("TransactWriteItems", json!({}));
        let webhooks = [webhook(Value::Null), webhook(json!(["image.created"]))];
        let aws = FakeAws::new([ok("Query", items(&webhooks)), recorded(), recorded(), taken(1)]);
        let (answer, calls) = process(&aws, vec![created("ann", 1)]).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(operations(&calls), ["Query", "TransactWriteItems", "TransactWriteItems", "PutEvents"]);
    }

    #[tokio::test]
    async fn a_webhook_that_cannot_be_read_holds_nothing_up() {
        let mut long = webhook(Value::Null);
        long["url"] = json!(format!("https://example.com/{}", "x".repeat(2_000)));
        let webhooks = [long, webhook(json!(["image.painted"])), webhook(Value::Null)];
        let aws =
            FakeAws::new([ok("Query", items(&webhooks)), ok("TransactWriteItems", json!({})), taken(1)]);
        let (answer, calls) = process(&aws, vec![created("ann", 1)]).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(operations(&calls), ["Query", "TransactWriteItems", "PutEvents"]);
    }

    #[tokio::test]
    async fn the_first_records_of_a_long_batch_are_done_before_the_next_ones_begin() {
        let query = || ok("Query", items(&[]));
        let aws = FakeAws::new([query(), taken(PIECE), query(), error("PutEvents", "InternalException")]);
        let records = (1..=PIECE + 2).map(|number| created("ann", number)).collect();
        let (answer, calls) = process(&aws, records).await;
        assert_eq!(answer, failures(&["11", "12"]));
        assert_eq!(operations(&calls), ["Query", "PutEvents", "Query", "PutEvents"]);
    }

    #[tokio::test]
    async fn a_delivery_that_is_recorded_already_is_no_error() {
        let refused = json!({
            "__type": "TransactionCanceledException", "message": "no",
            "CancellationReasons": [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}],
        });
        let aws = FakeAws::new([
            ok("Query", items(&[webhook(Value::Null)])),
            ("TransactWriteItems", 400, refused),
            taken(1),
        ]);
        let (answer, _) = process(&aws, vec![created("ann", 1)]).await;
        assert_eq!(answer, failures(&[]));
    }

    #[tokio::test]
    async fn a_record_that_fails_holds_up_the_records_after_it() {
        let query = || ok("Query", items(&[]));
        let aws = FakeAws::new([query(), query(), taken(1), error("PutEvents", "InternalException")]);
        // Two changes of one image, and one of another.
        let records = vec![created("ann", 1), record("ann", 2, "SET#1", json!({})), created("ann", 1)];
        let mut records = records;
        records[2]["dynamodb"]["SequenceNumber"] = json!("3");
        records.push(created("bob", 4));
        let (answer, calls) = process(&aws, records).await;
        assert_eq!(answer, failures(&["3", "4"]));
        assert_eq!(operations(&calls), ["Query", "Query", "PutEvents", "PutEvents"]);
    }

    #[tokio::test]
    async fn what_cannot_be_delivered_to_webhooks_is_not_on_the_bus_either() {
        let aws = FakeAws::new([ok("Query", items(&[])), error("Query", "AccessDeniedException"), taken(1)]);
        let (answer, calls) =
            process(&aws, vec![created("bob", 1), created("ann", 2), created("bob", 3)]).await;
        assert_eq!(answer, failures(&["2", "3"]));
        let entries = calls.last().unwrap().1["Entries"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_read_goes_to_the_queue_and_holds_nothing_up() {
        let aws = FakeAws::new([ok("Query", items(&[])), taken(1), ok("SendMessage", json!({}))]);
        let odd = record("ann", 1, &format!("IMAGE#{ID}"), json!({}));
        let (answer, calls) = process(&aws, vec![odd.clone(), created("ann", 2)]).await;
        assert_eq!(answer, failures(&[]));
        let (_, message) = calls.iter().find(|(operation, _)| operation == "SendMessage").unwrap();
        let body: Value = serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(body, odd);
    }
}

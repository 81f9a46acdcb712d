//! Handles the table's stream: tells other programs about changes of images, accounts and webhooks.
//!
//! Each change becomes an event. The worker records a delivery for each webhook that asks for the event, and puts the
//! event on the EventBridge bus. The events of one image follow one another. So while EventBridge is not available, a
//! record holds up the records after it. A record that fails for another reason goes to a queue, with the later records
//! of its item in the batch.
//!
//! The same function reads this queue, and the records that an operator sends again.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Delivery, Event, Timestamp, UserId};
use futures_util::future::try_join_all;
use lambda_runtime::{Error, service_fn};
use store::Records;
use tracing::debug;
use workers::{BatchWorker, EventBus, Keys, Outcomes, RetryQueue, delivery_id, each_in_order, events_of};

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

/// A record that failed, by its index.
type FailedRecord = (usize, CallError);

impl BatchWorker for EventsWorker {
    /// Tells about the records of a batch, until EventBridge is not available. If there is not enough time, Lambda
    /// repeats the batch from the first record that was not told about.
    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        outcomes.hold_from(0, &CallError::Unavailable("there was not enough time".into()));
        let mut waiting = BTreeSet::new();
        for (number, piece) in records.chunks(PIECE).enumerate() {
            let start = number * PIECE;
            let (told, held) = self.tell(piece, &mut waiting).await;
            // A record that failed waits in the queue, because a repetition of the batch would not help.
            for (index, outcome) in told.into_iter().enumerate() {
                outcomes.set(start + index, outcome);
            }
            if let Some((index, error)) = held {
                return outcomes.hold_from(start + index, &error);
            }
        }
    }
}

impl EventsWorker {
    /// Tells about some records, in their order for each item. `waiting` contains the items with a record that has to
    /// wait in the queue. Returns the outcomes, and the first record for which EventBridge was not available.
    async fn tell(
        &self,
        records: &[EventRecord],
        waiting: &mut BTreeSet<Keys>,
    ) -> (Vec<Result<(), CallError>>, Option<FailedRecord>) {
        let keys: Vec<Option<Keys>> = records.iter().map(|record| Keys::of(record).ok()).collect();
        let (mut outcomes, mut events) = (Vec::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            let parsed = events_of(record, &self.source);
            let parsed = parsed.map(|found| events.extend(found.into_iter().map(|event| (index, event))));
            outcomes.push(parsed);
        }
        put_aside(&mut outcomes, &keys, waiting);
        let failed = self.record_deliveries(&due(&events, &outcomes), domain::now()).await;
        for (index, error) in failed {
            outcomes[index] = Err(error);
        }
        put_aside(&mut outcomes, &keys, waiting);
        let recorded = due(&events, &outcomes);
        let answers = self.bus.put(&recorded.iter().map(|(_, event)| *event).collect::<Vec<_>>()).await;
        let mut held = None;
        for ((index, _), answer) in recorded.into_iter().zip(answers) {
            match answer {
                Ok(()) => {}
                Err(error @ CallError::Unavailable(_)) => {
                    held = Some((index, error));
                    break;
                }
                Err(error) => outcomes[index] = Err(error),
            }
        }
        *waiting = put_aside(&mut outcomes, &keys, waiting);
        // Not `info`: every upload would write two such lines, which name no image.
        debug!(
            records = records.len(),
            events = events.len(),
            is_held = held.is_some(),
            "told about changes"
        );
        (outcomes, held)
    }

    /// Records the deliveries of events. Returns the records for which that failed.
    async fn record_deliveries(&self, events: &[(usize, &Event)], now: Timestamp) -> Vec<FailedRecord> {
        let mut users: Vec<(&UserId, Vec<(usize, &Event)>)> = Vec::new();
        for (index, event) in events.iter().filter(|(_, event)| event.kind.is_for_webhooks()) {
            let user = &event.data.user;
            match users.iter_mut().find(|(known, _)| *known == user) {
                Some((_, events)) => events.push((*index, *event)),
                None => users.push((user, vec![(*index, *event)])),
            }
        }
        let failed = Mutex::new(Vec::new());
        let users = users.into_iter().map(|user| vec![user]);
        each_in_order(users, async |(user, events): (&UserId, Vec<(usize, &Event)>)| {
            let some = self.record_deliveries_of(user, &events, now).await;
            failed.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
        })
        .await;
        failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    async fn record_deliveries_of(
        &self,
        user: &UserId,
        events: &[(usize, &Event)],
        now: Timestamp,
    ) -> Vec<FailedRecord> {
        let all_failed = |events: &[(usize, &Event)], error: &CallError| -> Vec<FailedRecord> {
            events.iter().map(|(index, _)| (*index, error.duplicate())).collect()
        };
        let webhooks = match self.records.webhooks(user).await {
            Ok(webhooks) => webhooks,
            Err(error) => return all_failed(events, &error),
        };
        let (mut failed, mut subjects) = (Vec::new(), HashSet::new());
        for (position, (index, event)) in events.iter().enumerate() {
            if subjects.contains(event.subject.as_str()) {
                continue;
            }
            let recorded = webhooks.iter().filter(|webhook| webhook.wants(event.kind)).map(async |webhook| {
                let id = delivery_id(event, webhook.id);
                let delivery = Delivery::new(id, webhook.id, (*event).clone(), now);
                self.records.record_delivery(user, &delivery).await
            });
            match try_join_all(recorded).await {
                Ok(_) => {}
                // Each of the other events would wait for DynamoDB too.
                Err(error @ CallError::Unavailable(_)) => {
                    failed.extend(all_failed(&events[position..], &error));
                    break;
                }
                Err(error) => {
                    subjects.insert(event.subject.as_str());
                    failed.push((*index, error));
                }
            }
        }
        failed
    }
}

/// The events of the records that have not failed.
fn due<'e>(events: &'e [(usize, Event)], outcomes: &[Result<(), CallError>]) -> Vec<(usize, &'e Event)> {
    let is_due = |index: usize| outcomes.get(index).is_some_and(Result::is_ok);
    events.iter().filter(|(index, _)| is_due(*index)).map(|(index, event)| (*index, event)).collect()
}

/// Lets a record wait if an earlier record of its item waits in the queue. `waiting` contains the items of earlier
/// pieces. Returns these items and those of this piece.
fn put_aside(
    outcomes: &mut [Result<(), CallError>],
    keys: &[Option<Keys>],
    waiting: &BTreeSet<Keys>,
) -> BTreeSet<Keys> {
    let mut waiting = waiting.clone();
    for (outcome, keys) in outcomes.iter_mut().zip(keys) {
        let Some(keys) = keys else { continue };
        if outcome.is_err() {
            waiting.insert(keys.clone());
        } else if waiting.contains(keys) {
            *outcome = Err(CallError::Unavailable("an earlier change of the item waits in the queue".into()));
        }
    }
    waiting
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

    /// EventBridge does not answer.
    fn unavailable() -> (&'static str, u16, Value) {
        ("PutEvents", 503, json!({"__type": "InternalException"}))
    }

    /// The sequence numbers of the records that were sent to the queue.
    fn set_aside(calls: &[(String, Value)]) -> Vec<String> {
        let messages =
            calls.iter().filter(|(operation, _)| operation == "SendMessage").map(|(_, message)| {
                let record: Value = serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
                record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
            });
        messages.collect()
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
        let aws = FakeAws::new([query(), taken(PIECE), query(), unavailable()]);
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

    /// Records of two users. The second and the fourth one are about the same image of ann.
    fn of_two_users() -> Vec<Value> {
        let mut again = created("ann", 2);
        again["dynamodb"]["SequenceNumber"] = json!("4");
        vec![created("bob", 1), created("ann", 2), created("bob", 3), again, created("bob", 5)]
    }

    #[tokio::test]
    async fn records_wait_while_eventbridge_is_not_available() {
        let query = || ok("Query", items(&[]));
        let aws = FakeAws::new([query(), query(), taken(3), unavailable()]);
        let (answer, calls) = process(&aws, of_two_users()).await;
        assert_eq!(answer, failures(&["4", "5"]));
        assert_eq!(operations(&calls), ["Query", "Query", "PutEvents", "PutEvents"]);
    }

    #[tokio::test]
    async fn a_refused_event_goes_to_the_queue_with_the_later_records_of_its_image() {
        let query = || ok("Query", items(&[]));
        let refused = json!([{"EventId": "1"}, {"ErrorCode": "InvalidArgument"}, {"EventId": "2"}]);
        let aws = FakeAws::new([
            query(),
            query(),
            ok("PutEvents", json!({"FailedEntryCount": 1, "Entries": refused})),
            taken(1),
            ok("SendMessage", json!({})),
            ok("SendMessage", json!({})),
        ]);
        let (answer, calls) = process(&aws, of_two_users()).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(set_aside(&calls), ["2", "4"]);
        let told: Vec<_> = calls.iter().filter(|(operation, _)| operation == "PutEvents").collect();
        assert_eq!(told[1].1["Entries"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_delivered_to_webhooks_is_not_on_the_bus_either() {
        let aws = FakeAws::new([
            ok("Query", items(&[])),
            error("Query", "AccessDeniedException"),
            taken(3),
            ok("SendMessage", json!({})),
            ok("SendMessage", json!({})),
        ]);
        let (answer, calls) = process(&aws, of_two_users()).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(set_aside(&calls), ["2", "4"]);
        let told = calls.iter().find(|(operation, _)| operation == "PutEvents").unwrap();
        assert_eq!(told.1["Entries"].as_array().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_delivery_that_fails_does_not_delay_the_other_images_of_its_user() {
        let aws = FakeAws::new([
            ok("Query", items(&[webhook(Value::Null)])),
            error("TransactWriteItems", "ValidationException"),
            ok("TransactWriteItems", json!({})),
            taken(1),
            ok("SendMessage", json!({})),
        ]);
        let (answer, calls) = process(&aws, vec![created("ann", 1), created("ann", 2)]).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(set_aside(&calls), ["1"]);
    }

    #[tokio::test]
    async fn a_record_waits_for_one_of_an_earlier_piece() {
        let query = || ok("Query", items(&[]));
        let aws = FakeAws::new([
            query(),
            taken(PIECE - 1),
            query(),
            taken(1),
            ok("SendMessage", json!({})),
            ok("SendMessage", json!({})),
        ]);
        let mut records: Vec<Value> = (1..=PIECE + 2).map(|number| created("ann", number)).collect();
        // The first record cannot be read, and the last but one is about the same image.
        let keys = records[0]["dynamodb"]["Keys"].clone();
        records[0]["dynamodb"]["NewImage"] = json!({});
        records[PIECE]["dynamodb"]["Keys"] = keys;
        let (answer, calls) = process(&aws, records).await;
        assert_eq!(answer, failures(&[]));
        assert_eq!(set_aside(&calls), ["1", "11"]);
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

use serde_json::json;
use test_support::{FakeAws, error, ok};

use super::*;

const PAUSE: Duration = Duration::from_secs(10);

/// A record as Lambda sends it (AWS Lambda Developer Guide, "Using Lambda with DynamoDB").
fn record(number: &str) -> Value {
    json!({
        "eventID": number, "eventName": "REMOVE", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/t/stream/s",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_773_342_300, "Keys": {"pk": {"S": "USER#a"}, "sk": {"S": number}},
            "SequenceNumber": number, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

/// A message of SQS as Lambda sends it (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS").
fn message(id: &str, body: &str, receives: u32) -> Value {
    json!({
        "messageId": id, "receiptHandle": format!("handle of {id}"), "body": body, "messageAttributes": {},
        "attributes": {"ApproximateReceiveCount": receives.to_string(), "SentTimestamp": "1773342300000"},
        "md5OfBody": "x", "eventSource": "aws:sqs", "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
    })
}

/// Processes an event in which the records whose ids begin with `bad` fail, and returns the answer to Lambda.
async fn answer(aws: &FakeAws, records: impl IntoIterator<Item = Value>) -> Value {
    answer_within(aws, records, Duration::from_secs(60)).await
}

async fn answer_within(aws: &FakeAws, records: impl IntoIterator<Item = Value>, time: Duration) -> Value {
    let event = json!({"Records": records.into_iter().collect::<Vec<_>>()});
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut context = Context::default();
    context.deadline = u64::try_from((now + time).as_millis()).unwrap();
    let queue = RetryQueue::new(&aws.config(), "queue".to_owned(), PAUSE);
    let event = LambdaEvent::new(serde_json::from_value(event).unwrap(), context);
    serde_json::to_value(queue.process(&TestWorker, event).await.unwrap()).unwrap()
}

struct TestWorker;

impl BatchWorker for TestWorker {
    const STREAM_LIMIT: Duration = Duration::from_millis(300);

    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        each_in_order(records.iter().enumerate().map(|record| vec![record]), async |(index, record)| {
            outcomes.run(index, work(&record.event_id)).await;
        })
        .await;
    }
}

async fn work(id: &str) -> Result<(), CallError> {
    match id {
        "bad-panic" => panic!("a bug"),
        "bad-slow" => std::future::pending().await,
        _ if id.starts_with("bad") => Err(CallError::internal("no")),
        _ => Ok(()),
    }
}

/// The records that were sent to the queue.
fn sent(aws: &FakeAws) -> Vec<Value> {
    let bodies = aws.calls().into_iter().map(|(operation, input)| {
        assert_eq!((operation.as_str(), &input["QueueUrl"]), ("SendMessage", &json!("queue")));
        assert_eq!(input["DelaySeconds"], 10);
        serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap()
    });
    bodies.collect()
}

#[tokio::test]
async fn a_record_that_fails_goes_whole_to_the_queue_and_holds_nothing_up() {
    let aws = FakeAws::new([ok("SendMessage", json!({})), ok("SendMessage", json!({}))]);
    let records = [record("1"), record("bad"), record("bad-panic"), record("4")];
    assert_eq!(answer(&aws, records).await, json!({"batchItemFailures": []}));
    assert_eq!(sent(&aws), [record("bad"), record("bad-panic")]);
}

#[tokio::test]
async fn a_record_of_an_unknown_shape_is_kept_whole_too() {
    let aws = FakeAws::new([ok("SendMessage", json!({}))]);
    let odd = json!({"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "2"}, "new": [1, "ä"]});
    assert_eq!(answer(&aws, [record("1"), odd.clone()]).await, json!({"batchItemFailures": []}));
    assert_eq!(sent(&aws), [odd]);
}

#[tokio::test]
async fn what_the_queue_does_not_take_is_reported_by_its_sequence_number() {
    let aws = FakeAws::new([
        error("SendMessage", "AccessDenied"),
        ok("SendMessage", json!({})),
        error("SendMessage", "AccessDenied"),
    ]);
    let records = [record("bad-1"), record("2"), record("bad-3"), record("bad-4")];
    let failures = json!({"batchItemFailures": [{"itemIdentifier": "bad-1"}, {"itemIdentifier": "bad-4"}]});
    assert_eq!(answer(&aws, records).await, failures);
}

#[tokio::test]
async fn a_message_that_fails_again_waits_twice_as_long_and_the_others_end() {
    let delay = || ok("ChangeMessageVisibility", json!({}));
    let aws = FakeAws::new([delay(), delay(), delay()]);
    let messages = [
        message("a", &record("1").to_string(), 1),
        message("b", &record("bad").to_string(), 1),
        message("c", &record("bad").to_string(), 3),
        message("d", "poison", 50),
    ];
    let failed = ["b", "c", "d"].map(|id| json!({"itemIdentifier": id}));
    assert_eq!(answer(&aws, messages).await, json!({"batchItemFailures": failed}));
    let delays: Vec<_> = aws.calls().into_iter().map(|(_, input)| input).collect();
    let expected = [("b", 10), ("c", 40), ("d", 3600)].map(|(id, seconds)| {
        json!({"QueueUrl": "queue", "ReceiptHandle": format!("handle of {id}"), "VisibilityTimeout": seconds})
    });
    assert_eq!(delays, expected);
}

#[tokio::test]
async fn a_message_stays_in_the_queue_even_if_its_delay_fails() {
    let aws = FakeAws::new([error("ChangeMessageVisibility", "InvalidParameterValue")]);
    let failures = json!({"batchItemFailures": [{"itemIdentifier": "a"}]});
    assert_eq!(answer(&aws, [message("a", "poison", 1)]).await, failures);
}

#[tokio::test]
async fn a_record_that_does_not_end_is_put_aside_in_time() {
    let aws = FakeAws::new([ok("SendMessage", json!({}))]);
    let records = [record("1"), record("bad-slow"), record("3")];
    let answer = answer_within(&aws, records, RESERVE + Duration::from_millis(100)).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(sent(&aws), [record("bad-slow")]);
}

#[tokio::test]
async fn a_batch_of_the_stream_ends_at_the_limit_of_its_worker() {
    let aws = FakeAws::new([ok("SendMessage", json!({}))]);
    let records = [record("1"), record("bad-slow"), record("3")];
    assert_eq!(answer(&aws, records).await, json!({"batchItemFailures": []}));
    assert_eq!(sent(&aws), [record("bad-slow")]);
}

#[tokio::test]
async fn groups_run_side_by_side_and_each_in_its_order() {
    let (log, both) = (Mutex::new(Vec::new()), tokio::sync::Barrier::new(2));
    each_in_order([vec!["a1", "a2"], vec!["b1", "b2"]], async |record| {
        // Nobody passes until a record of each group is here.
        both.wait().await;
        log.lock().unwrap().push(record);
    })
    .await;
    let log = log.into_inner().unwrap();
    let of = |group| log.iter().copied().filter(|record| record.starts_with(group)).collect::<Vec<_>>();
    assert_eq!((of("a"), of("b")), (vec!["a1", "a2"], vec!["b1", "b2"]));
}

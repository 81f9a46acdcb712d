//! Exact events of S3 and SQS, and what the worker does with them.

use serde_json::json;
use test_support::{FakeAws, image, item, ok, profile, tier};

use super::*;

const EVENT: &str = include_str!("../../../../../events/workers-thumbnail.json");
/// The call that reads the original of the event.
const ORIGINAL: &str = "com/5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11/01JZ8Q4T2N6V5X3R9C7M1K0B8D/1?x-id=GetObject";
const MESSAGE: &str = include_str!("../../../../../events/workers-thumbnail-retry.json");

async fn handled(aws: &FakeAws, event: Value) -> Result<Value, Error> {
    let worker = ThumbnailWorker {
        records: aws.records(),
        objects: aws.objects(),
        retries: UploadRetries::new(&aws.config(), "queue".to_owned()),
        base_delay: Duration::from_secs(30),
    };
    let mut context = Context::default();
    context.request_id = "me".to_owned();
    context.deadline = u64::MAX;
    Ok(serde_json::to_value(worker.handle(LambdaEvent::new(event, context)).await?)?)
}

/// The input of the only call of an operation.
fn input(aws: &FakeAws, operation: &str) -> Value {
    let mut calls = aws.calls().into_iter().filter(|(called, _)| called == operation);
    let (call, others) = (calls.next(), calls.count());
    assert_eq!(others, 0, "{operation} was called more than once");
    call.unwrap_or_else(|| panic!("{operation} was not called")).1
}

/// DynamoDB refuses the claim, because the stored image is this one.
fn refused(stored: &Value) -> (&'static str, u16, Value) {
    let mut body = item(stored);
    body["__type"] = json!("ConditionalCheckFailedException");
    ("UpdateItem", 400, body)
}

fn busy(until: i64) -> Value {
    let mut image = image();
    image["status"] = json!("processing");
    image["sequencer"] = json!(domain::Sequencer::from_event("0055AED6DCD90281E5"));
    image["lease"] = json!({"owner": "another", "until": until});
    image
}

#[tokio::test]
async fn a_message_that_cannot_be_read_comes_back_later_and_later() {
    for (deliveries, seconds) in [("1", 30), ("4", 240), ("90", 3600)] {
        let mut event: Value = serde_json::from_str(MESSAGE).unwrap();
        event["Records"][0]["body"] = json!("poison");
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!(deliveries);
        let aws = FakeAws::new([ok("ChangeMessageVisibility", json!({}))]);
        let answer = handled(&aws, event.clone()).await.unwrap();
        let id = &event["Records"][0]["messageId"];
        assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": id}]}));
        assert_eq!(input(&aws, "ChangeMessageVisibility")["VisibilityTimeout"], seconds);
    }
}

#[tokio::test]
async fn an_event_of_another_shape_is_an_error_and_so_it_is_not_dropped() {
    let aws = FakeAws::new([]);
    assert!(handled(&aws, json!({"Records": [{"eventSource": "aws:s3"}]})).await.is_err());
    assert!(handled(&aws, json!({})).await.is_err());
}

#[tokio::test]
async fn a_message_waits_until_the_claim_of_another_worker_ends() {
    let until = domain::now().as_second() + 50;
    let aws = FakeAws::new([
        refused(&busy(until)),
        ok("GetItem", item(&profile(tier()))),
        ok("ChangeMessageVisibility", json!({})),
    ]);
    handled(&aws, serde_json::from_str(MESSAGE).unwrap()).await.unwrap();
    let seconds = input(&aws, "ChangeMessageVisibility")["VisibilityTimeout"].as_i64().unwrap();
    assert!((49..=51).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn an_event_waits_in_the_queue_until_the_claim_of_another_worker_ends() {
    let until = domain::now().as_second() + 50;
    let aws = FakeAws::new([
        refused(&busy(until)),
        ok("GetItem", item(&profile(tier()))),
        ok("SendMessage", json!({"MessageId": "1"})),
    ]);
    let answer = handled(&aws, serde_json::from_str(EVENT).unwrap()).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let message = input(&aws, "SendMessage");
    assert!((49..=51).contains(&message["DelaySeconds"].as_i64().unwrap()), "{message}");
    let body: Value = serde_json::from_str(message["MessageBody"].as_str().unwrap()).unwrap();
    let event: Value = serde_json::from_str(EVENT).unwrap();
    let key = |event: &Value| event["Records"][0]["s3"]["object"]["key"].clone();
    assert_eq!(key(&body["requestPayload"]), key(&event));
}

#[tokio::test]
async fn a_worker_that_died_is_counted_by_the_one_that_takes_over() {
    let aws = FakeAws::new([
        refused(&busy(1)),
        // Somebody else takes over in this moment.
        refused(&busy(domain::now().as_second() + 50)),
        ok("GetItem", item(&profile(tier()))),
        ok("SendMessage", json!({"MessageId": "1"})),
    ]);
    handled(&aws, serde_json::from_str(EVENT).unwrap()).await.unwrap();
    let claims: Vec<Value> =
        aws.calls().into_iter().filter(|(name, _)| name == "UpdateItem").map(|(_, input)| input).collect();
    let counts =
        |claim: &Value| claim["UpdateExpression"].as_str().unwrap().contains("#crashes = if_not_exists");
    assert_eq!(claims.iter().map(counts).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_message_without_an_image_waits_for_the_clean_up_however_old_it_is() {
    for (deliveries, seconds) in [("1", 30), ("50", 3600), ("99", 3600)] {
        let aws = FakeAws::new([
            ("UpdateItem", 400, json!({"__type": "ConditionalCheckFailedException"})),
            ok("GetItem", item(&profile(tier()))),
            ok("GetItem", json!({})),
            ok("GetItem", item(&profile(tier()))),
            ok("ChangeMessageVisibility", json!({})),
        ]);
        let mut event: Value = serde_json::from_str(MESSAGE).unwrap();
        let attributes = &mut event["Records"][0]["attributes"];
        attributes["ApproximateReceiveCount"] = json!(deliveries);
        // After 100 deliveries, SQS moves the message to the dead letters. Their upload must still exist.
        attributes["ApproximateFirstReceiveTimestamp"] = json!("1");
        let answer = handled(&aws, event.clone()).await.unwrap();
        let id = &event["Records"][0]["messageId"];
        assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": id}]}));
        assert_eq!(input(&aws, "ChangeMessageVisibility")["VisibilityTimeout"], seconds);
    }
}

#[tokio::test]
async fn an_upload_whose_image_just_vanished_is_kept_until_the_clean_up_is_over() {
    let gone = json!({"__type": "ConditionalCheckFailedException"});
    let profile = || ok("GetItem", item(&profile(tier())));
    let aws = FakeAws::new([
        ("UpdateItem", 400, gone),
        profile(),
        // No marker of a clean-up.
        ok("GetItem", json!({})),
        profile(),
        ok("SendMessage", json!({"MessageId": "1"})),
    ]);
    handled(&aws, serde_json::from_str(EVENT).unwrap()).await.unwrap();
    assert_eq!(input(&aws, "SendMessage")["DelaySeconds"], 5);
    assert!(aws.operations().iter().all(|operation| !operation.contains("list-type")), "{aws:?}");
}

#[tokio::test]
async fn a_worker_that_fails_ends_its_claim_so_that_the_next_attempt_need_not_wait() {
    let mut claimed = busy(domain::now().as_second() + 50);
    claimed["lease"]["owner"] = json!("me");
    let aws = FakeAws::new([
        ok("UpdateItem", json!({"Attributes": item(&claimed)["Item"]})),
        ok("GetItem", item(&profile(tier()))),
        (ORIGINAL, 503, json!({})),
        // The last call ends the claim.
        ok("UpdateItem", json!({})),
    ]);
    handled(&aws, serde_json::from_str(EVENT).unwrap()).await.unwrap_err();
    let (operation, call) = aws.calls().pop().unwrap();
    assert_eq!(operation, "UpdateItem");
    let values: Vec<&Value> = call["ExpressionAttributeValues"].as_object().unwrap().values().collect();
    assert!(values.contains(&&json!({"N": "0"})) && values.contains(&&json!({"S": "me"})), "{call}");
}

//! `POST /api/admin/queues/{name}/redrive`: sends dead letters of a kind of work to their queue again.

use admin::{AuditTrail, Queues, mark_failure};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::AuditAction;
use lambda_http::tracing::info;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (queues, records) = (Queues::from_env(&config)?, Records::from_env(&config)?);
    let audit = AuditTrail::from_env()?;
    api::serve(|request| redrive(&queues, &records, &audit, request)).await
}

async fn redrive(queues: &Queues, records: &Records, audit: &AuditTrail, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let name = api::path(&request, "name");
    let letters = queues.dead_letters(name).ok_or_else(Problem::not_found)?;
    let entry = audit.queue(&caller, AuditAction::RedriveDeadLetters, name);
    records.record_audit(&entry).await?;
    let redriven = letters.redrive().await.map_err(Problem::from);
    let redriven = mark_failure(records, &entry, redriven).await?;
    info!(queue = name, sent = redriven.sent, kept = redriven.kept, "dead letters redriven");
    api::json(StatusCode::OK, &redriven)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, error, ok};

    use super::*;

    fn message(id: usize, body: &str) -> Value {
        json!({
            "MessageId": id.to_string(), "ReceiptHandle": format!("handle of {id}"), "Body": body,
            "Attributes": {"MessageGroupId": USER},
        })
    }

    fn received(messages: &[Value]) -> (&'static str, u16, Value) {
        ok("ReceiveMessage", json!({"Messages": messages}))
    }

    async fn answer(aws: &FakeAws, request: TestRequest, name: &str) -> Answer {
        let queues = Queues::new(&aws.config(), |variable| Ok::<_, Infallible>(variable.to_owned())).unwrap();
        let request = request.path("name", name).build();
        redrive(&queues, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    fn post() -> TestRequest {
        TestRequest::new("POST").admin()
    }

    #[tokio::test]
    async fn a_letter_is_deleted_after_it_was_sent_and_a_position_stays() {
        let position = json!({"DDBStreamBatchInfo": {"shardId": "shardId-1"}}).to_string();
        let aws = FakeAws::new([
            ok("PutItem", json!({})),
            received(&[message(1, "poison"), message(2, &position)]),
            ok("SendMessage", json!({"MessageId": "3"})),
            ok("DeleteMessage", json!({})),
            ok("ReceiveMessage", json!({})),
            ok("ChangeMessageVisibility", json!({})),
        ]);
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, answer.body), (200, json!({"sent": 1, "kept": 1, "more": false})));
        let [(_, entry), _, (_, sent), (_, deleted), _, (_, shown)] = aws.calls().try_into().unwrap();
        assert_eq!(entry["Item"]["action"], json!({"S": "redrive-dead-letters"}));
        let target = json!({"M": {"kind": {"S": "queue"}, "id": {"S": "webhooks"}}});
        assert_eq!(entry["Item"]["target"], target);
        let expected = json!({"QueueUrl": "WEBHOOKS_QUEUE", "MessageBody": "poison", "MessageGroupId": USER});
        assert_eq!(sent, expected);
        let letters = "WEBHOOKS_DEAD_LETTERS";
        assert_eq!(deleted, json!({"QueueUrl": letters, "ReceiptHandle": "handle of 1"}));
        let visible = json!({"QueueUrl": letters, "ReceiptHandle": "handle of 2", "VisibilityTimeout": 0});
        assert_eq!(shown, visible);
    }

    #[tokio::test]
    async fn a_letter_that_was_not_sent_stays_and_the_entry_is_marked() {
        let aws = FakeAws::new([
            ok("PutItem", json!({})),
            received(&[message(1, "poison")]),
            error("SendMessage", "AccessDenied"),
            ok("UpdateItem", json!({})),
        ]);
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, &answer.body["code"]), (500, &json!("internal")));
        assert_eq!(aws.operations(), ["PutItem", "ReceiveMessage", "SendMessage", "UpdateItem"]);
    }

    /// 20 times ten letters with these bodies, and then more.
    async fn redrive_very_many(body: &str) -> Value {
        let letters: Vec<Value> = (0..10).map(|id| message(id, body)).collect();
        let batches = (0..25).map(|_| received(&letters));
        let calls = ["SendMessage", "DeleteMessage", "ChangeMessageVisibility"];
        let others = (0..250).flat_map(|_| calls.map(|operation| ok(operation, json!({}))));
        let aws = FakeAws::new([ok("PutItem", json!({}))].into_iter().chain(batches).chain(others));
        answer(&aws, post(), "events").await.body
    }

    #[tokio::test]
    async fn a_request_sends_a_limited_number_and_says_that_there_is_more() {
        assert_eq!(redrive_very_many("poison").await, json!({"sent": 200, "kept": 0, "more": true}));
        // Another request would receive the same letters.
        let position = r#"{"DDBStreamBatchInfo": {}}"#;
        assert_eq!(redrive_very_many(position).await, json!({"sent": 0, "kept": 200, "more": false}));
    }

    #[tokio::test]
    async fn an_unknown_kind_of_work_is_not_found_and_leaves_no_entry() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, post(), "unknown").await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not-found")));
    }

    #[tokio::test]
    async fn only_an_admin_redrives() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, TestRequest::new("POST"), "webhooks").await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(aws.calls().is_empty());
    }
}

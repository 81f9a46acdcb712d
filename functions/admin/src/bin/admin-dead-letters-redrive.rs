//! `POST /api/admin/queues/{name}/redrive`: sends dead letters of a kind of work to their queue again.

use admin::{AuditTrail, Pool, Queues, mark_failure, require_admin};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::AuditAction;
use lambda_http::tracing::info;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (queues, records) = (Queues::from_env(&config)?, Records::from_env(&config)?);
    let (pool, audit) = (Pool::from_env(&config)?, AuditTrail::from_env()?);
    api::serve(|request| redrive(&queues, &pool, &records, &audit, request)).await
}

async fn redrive(
    queues: &Queues,
    pool: &Pool,
    records: &Records,
    audit: &AuditTrail,
    request: Request,
) -> Reply {
    let caller = Caller::admin(&request).await?;
    let name = api::path(&request, "name");
    let letters = queues.dead_letters(name).ok_or_else(Problem::not_found)?;
    require_admin(pool, &caller).await?;
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
    use test_support::{Answer, FakeAws, TestRequest, USER, error, ok, pool_user};

    use super::*;

    fn message(id: &str, body: &str) -> Value {
        json!({
            "MessageId": id, "ReceiptHandle": format!("handle of {id}"), "Body": body,
            "Attributes": {"MessageGroupId": USER},
        })
    }

    fn received(messages: &[Value]) -> (&'static str, u16, Value) {
        ok("ReceiveMessage", json!({"Messages": messages}))
    }

    async fn answer(aws: &FakeAws, request: TestRequest, name: &str) -> Answer {
        let queues = Queues::new(&aws.config(), |variable| Ok::<_, Infallible>(variable.to_owned())).unwrap();
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let request = request.path("name", name).build();
        redrive(&queues, &pool, &aws.records(), &AuditTrail::new(400), request).await.into()
    }

    fn post() -> TestRequest {
        TestRequest::new("POST").admin()
    }

    const POSITION: &str = r#"{"DDBStreamBatchInfo": {}}"#;

    fn done(operation: &'static str) -> (&'static str, u16, Value) {
        ok(operation, json!({}))
    }

    /// The responses before letters are received: the caller is an admin, and the audit entry is written.
    fn begin() -> [(&'static str, u16, Value); 2] {
        [ok("ListUsersInGroup", json!({"Users": [pool_user(USER)]})), done("PutItem")]
    }

    #[tokio::test]
    async fn a_letter_is_deleted_after_it_was_sent_and_a_position_stays() {
        let aws = FakeAws::new(begin().into_iter().chain([
            received(&[message("1", "poison"), message("2", POSITION)]),
            ok("SendMessage", json!({"MessageId": "3"})),
            done("DeleteMessage"),
            done("ReceiveMessage"),
            // The letter is visible again already. That changes nothing.
            error("ChangeMessageVisibility", "MessageNotInflight"),
        ]));
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, answer.body), (200, json!({"sent": 1, "kept": 1, "more": false})));
        let [_, (_, entry), _, (_, sent), (_, deleted), _, (_, shown)] = aws.calls().try_into().unwrap();
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
    async fn if_no_letter_is_sent_the_answer_is_an_error_and_the_entry_is_marked() {
        let aws = FakeAws::new(begin().into_iter().chain([
            received(&[message("1", "poison")]),
            error("SendMessage", "AccessDenied"),
            done("ReceiveMessage"),
            done("ChangeMessageVisibility"),
            done("UpdateItem"),
        ]));
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, &answer.body["code"]), (500, &json!("internal")));
        let operations = aws.operations();
        let after =
            ["ReceiveMessage", "SendMessage", "ReceiveMessage", "ChangeMessageVisibility", "UpdateItem"];
        assert_eq!(operations[2..], after);
    }

    #[tokio::test]
    async fn what_was_sent_is_told_although_other_letters_failed() {
        let all = ["1", "2", "3", "4"].map(|id| message(id, id));
        let aws = FakeAws::new(begin().into_iter().chain([
            received(&all),
            done("SendMessage"),
            error("SendMessage", "InvalidParameterValue"),
            done("SendMessage"),
            done("SendMessage"),
            done("DeleteMessage"),
            done("DeleteMessage"),
            error("DeleteMessage", "AccessDenied"),
            // The queue cannot be read to its end.
            error("ReceiveMessage", "AccessDenied"),
            done("ChangeMessageVisibility"),
            done("ChangeMessageVisibility"),
        ]));
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, answer.body), (200, json!({"sent": 2, "kept": 2, "more": true})));
        let inputs = |operation: &str, member: &str| -> Vec<String> {
            let calls = aws.calls().into_iter().filter(|(called, _)| called == operation);
            calls.map(|(_, input)| input[member].as_str().unwrap().to_owned()).collect()
        };
        // The calls run at the same time, so any letter can be the one that was not sent.
        let not_sent = format!("handle of {}", inputs("SendMessage", "MessageBody")[1]);
        let deleted = inputs("DeleteMessage", "ReceiptHandle");
        assert!(!deleted.contains(&not_sent), "{not_sent} {deleted:?}");
        let mut shown = inputs("ChangeMessageVisibility", "ReceiptHandle");
        let mut expected = [not_sent, deleted[2].clone()];
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected);
    }

    /// Batches of ten letters with these bodies, and nothing behind them.
    async fn redrive_batches(bodies: impl IntoIterator<Item = &'static str>) -> Value {
        let batch =
            |body: &str| received(&(0..10).map(|id| message(&id.to_string(), body)).collect::<Vec<_>>());
        let batches = bodies.into_iter().map(batch).chain([done("ReceiveMessage")]);
        let calls = ["SendMessage", "DeleteMessage", "ChangeMessageVisibility"];
        let others = (0..300).flat_map(|_| calls.map(done));
        let aws = FakeAws::new(begin().into_iter().chain(batches).chain(others));
        answer(&aws, post(), "events").await.body
    }

    #[tokio::test]
    async fn a_request_sends_a_limited_number_and_says_that_there_may_be_more() {
        assert_eq!(redrive_batches(["poison"; 25]).await, json!({"sent": 200, "kept": 0, "more": true}));
    }

    #[tokio::test]
    async fn letters_behind_many_positions_are_sent() {
        let bodies = [POSITION; 25].into_iter().chain(["poison"]);
        assert_eq!(redrive_batches(bodies).await, json!({"sent": 10, "kept": 250, "more": false}));
    }

    #[tokio::test]
    async fn the_token_of_a_removed_admin_sends_nothing_and_leaves_no_entry() {
        let aws = FakeAws::new([ok("ListUsersInGroup", json!({"Users": [pool_user("another")]}))]);
        let answer = answer(&aws, post(), "webhooks").await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert_eq!(aws.operations(), ["ListUsersInGroup"]);
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

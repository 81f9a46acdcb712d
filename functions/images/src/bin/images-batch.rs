//! `POST /api/images/batch`: deletes, restores and changes up to 100 images. Each operation has an outcome of its own.
//!
//! The operations are separate writes, because a transaction would refuse all of them together. With an idempotency
//! key, the outcomes are stored at the end, and a repeated request gets the same ones. If the first request stopped halfway,
//! the repeated one does all operations again: what is already done counts as done.

use std::collections::HashSet;

use api::{Caller, Error, Object, Problem, Reply, Request, StatusCode};
use domain::{Description, FileName, FocalPoint, ImageId, Timestamp, Title, UserId};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Begun, Change, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| batch(&records, request)).await
}

/// The maximum number of operations of a request.
const MAX_OPERATIONS: usize = 100;

/// How many operations run at the same time.
const CONCURRENCY: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    operations: Vec<Object<Operation>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operation {
    id: ImageId,
    action: Action,
    permanent: Option<bool>,
    file_name: Option<FileName>,
    #[serde(default, deserialize_with = "api::nullable")]
    title: Option<Option<Title>>,
    #[serde(default, deserialize_with = "api::nullable")]
    description: Option<Option<Description>>,
    #[serde(default, deserialize_with = "api::nullable")]
    focal_point: Option<Option<Object<FocalPoint>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Delete,
    Restore,
    Update,
}

/// An operation whose fields belong to its action.
enum Task {
    Delete { is_permanent: bool },
    Restore,
    Update(Change),
}

/// The outcome of an operation. Without a problem, it was done.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    id: ImageId,
    action: Action,
    problem: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

async fn batch(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let Body { operations } = api::body(&request)?;
    let tasks = tasks(operations)?;
    let (user, now, key) = (&caller.user, domain::now(), api::idempotency_key(&request)?);
    let begun = match &key {
        Some(key) => records.begin_request(user, key, now).await?,
        None => Begun::First,
    };
    let is_repeated = match begun {
        Begun::Replayed(outcomes) => return api::json(StatusCode::OK, &Outcomes { outcomes }),
        Begun::Repeated => true,
        Begun::First => false,
    };
    let run = stream::iter(tasks).map(async |(id, action, task)| {
        let result = run(records, user, (id, task), is_repeated, now).await;
        let is_final =
            result.as_ref().map_or_else(|problem| !problem.code().status().is_server_error(), |()| true);
        let problem = result.err().as_ref().map(api::problem_in_body);
        (Outcome { id, action, problem }, is_final)
    });
    let results: Vec<(Outcome, bool)> = run.buffered(CONCURRENCY).collect().await;
    let all_final = results.iter().all(|(_, is_final)| *is_final);
    let outcomes: Vec<Outcome> = results.into_iter().map(|(outcome, _)| outcome).collect();
    // An operation that failed for a temporary reason must run again if the client repeats the request.
    if let (Some(key), true) = (&key, all_final) {
        records.end_request(user, key, &outcomes).await?;
    }
    api::json(StatusCode::OK, &Outcomes { outcomes })
}

/// Checks the operations.
fn tasks(operations: Vec<Object<Operation>>) -> Result<Vec<(ImageId, Action, Task)>, Problem> {
    if operations.is_empty() || operations.len() > MAX_OPERATIONS {
        let detail = format!("operations: 1 to {MAX_OPERATIONS} operations");
        return Err(Problem::invalid_field("operations", detail));
    }
    let mut ids = HashSet::with_capacity(operations.len());
    let mut tasks = Vec::with_capacity(operations.len());
    for (index, Object(operation)) in operations.into_iter().enumerate() {
        let wrong = |name: &str, reason: &str| {
            let field = format!("operations[{index}].{name}");
            Problem::invalid_field(&field, format!("{field}: {reason}"))
        };
        let Operation { id, action, permanent, file_name, title, description, focal_point } = operation;
        if !ids.insert(id) {
            return Err(wrong("id", "another operation of the request has the same id"));
        }
        let changed = [
            ("file_name", file_name.is_some()),
            ("title", title.is_some()),
            ("description", description.is_some()),
            ("focal_point", focal_point.is_some()),
        ];
        if let (true, Some((name, _))) =
            (action != Action::Update, changed.iter().find(|(_, is_set)| *is_set))
        {
            return Err(wrong(name, "only an update can have this field"));
        }
        if permanent.is_some() && action != Action::Delete {
            return Err(wrong("permanent", "only a deletion can have this field"));
        }
        let focal_point = focal_point.map(|point| point.map(|Object(point)| point));
        let task = match action {
            Action::Delete => Task::Delete { is_permanent: permanent.unwrap_or_default() },
            Action::Restore => Task::Restore,
            Action::Update => Task::Update(Change { file_name, title, description, focal_point }),
        };
        tasks.push((id, action, task));
    }
    Ok(tasks)
}

/// Runs an operation. If the request `is_repeated`, what an earlier run has done counts as done.
async fn run(
    records: &Records,
    user: &UserId,
    (id, task): (ImageId, Task),
    is_repeated: bool,
    now: Timestamp,
) -> Result<(), Problem> {
    let is_done = match task {
        Task::Delete { is_permanent: true } => records.delete_image(user, id, now).await? || is_repeated,
        Task::Delete { is_permanent: false } => records.discard_image(user, id, now).await? || is_repeated,
        Task::Restore => records.restore_image(user, id, now).await?.is_some(),
        Task::Update(change) => records.change_image(user, id, &change, now).await?.is_some(),
    };
    if is_done { Ok(()) } else { Err(Problem::not_found()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, error, item, ok};

    use super::*;

    const OTHER_ID: &str = "01K8Z3J5Q0000000000000THER";

    fn request(operations: &Value) -> TestRequest {
        TestRequest::new("POST").json(&json!({"operations": operations}))
    }

    async fn answer(aws: &FakeAws, request: TestRequest) -> Answer {
        batch(&aws.records(), request.build()).await.into()
    }

    fn delete(id: &str) -> Value {
        json!({"id": id, "action": "delete", "permanent": true})
    }

    fn deleted() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    /// DynamoDB's answer to the beginning of a request that began before.
    fn begun(request: &str, answer: Option<&Value>) -> (&'static str, u16, Value) {
        let mut stored = json!({"request": request, "expires_at": 4_000_000_000_i64});
        if let Some(answer) = answer {
            stored["answer"] = answer.clone();
        }
        let reasons =
            json!([{"Code": "ConditionalCheckFailed", "Item": item(&stored)["Item"]}, {"Code": "None"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        ("TransactWriteItems", 400, cancelled)
    }

    /// The digest of a request that deletes two images.
    async fn digest(request: &TestRequest) -> String {
        let aws = FakeAws::new([
            ok("TransactWriteItems", json!({})),
            deleted(),
            deleted(),
            ok("UpdateItem", json!({})),
        ]);
        answer(&aws, request.clone()).await;
        let begun = &aws.calls()[0].1["TransactItems"][0]["Put"]["Item"]["request"]["S"];
        begun.as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn each_operation_has_its_outcome_in_the_order_of_the_request() {
        let operations = json!([
            delete(IMAGE_ID),
            {"id": OTHER_ID, "action": "update", "focal_point": null},
        ]);
        let aws = FakeAws::new([deleted(), error("UpdateItem", "ConditionalCheckFailedException")]);
        insta::assert_json_snapshot!(answer(&aws, request(&operations)).await, @r#"
        {
          "status": 200,
          "body": {
            "outcomes": [
              {
                "action": "delete",
                "id": "01K8Z3J5Q0000000000000TEST",
                "problem": null
              },
              {
                "action": "update",
                "id": "01K8Z3J5Q0000000000000THER",
                "problem": {
                  "code": "not-found",
                  "detail": "There is nothing at this address.",
                  "status": 404,
                  "title": "Not Found",
                  "type": "urn:darkroom:problem:not-found"
                }
              }
            ]
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_field_of_another_action_a_second_operation_and_too_many_are_refused_before_any_call() {
        let many: Vec<Value> =
            (0..101).map(|number| delete(&format!("01K8Z3J5Q00000000000000{number:03}"))).collect();
        for (operations, field) in [
            (json!([]), "operations"),
            (json!(many), "operations"),
            (json!([delete(IMAGE_ID), delete(IMAGE_ID)]), "operations[1].id"),
            (json!([{"id": IMAGE_ID, "action": "restore", "title": null}]), "operations[0].title"),
            (json!([{"id": IMAGE_ID, "action": "update", "permanent": true}]), "operations[0].permanent"),
            (json!([{"id": IMAGE_ID, "action": "burn"}]), "operations[0].action"),
            (json!([{"id": "x", "action": "delete"}]), "operations[0].id"),
            (json!([{"id": IMAGE_ID, "action": "delete", "by": "me"}]), "operations[0].by"),
            (json!([[IMAGE_ID, "delete"]]), "operations[0]"),
        ] {
            let answer = answer(&FakeAws::new([]), request(&operations)).await;
            assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{operations}");
        }
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_stored_outcomes_and_writes_nothing() {
        let request = request(&json!([delete(IMAGE_ID), delete(OTHER_ID)])).header("idempotency-key", "k");
        let stored = json!([{"id": IMAGE_ID, "action": "delete", "problem": null}]);
        let aws = FakeAws::new([begun(&digest(&request).await, Some(&stored))]);
        let answer = answer(&aws, request).await;
        assert_eq!((answer.status, &answer.body["outcomes"]), (200, &stored));
        assert_eq!(aws.operations(), ["TransactWriteItems"]);
    }

    #[tokio::test]
    async fn what_a_request_that_stopped_halfway_has_deleted_counts_as_done() {
        let request = request(&json!([delete(IMAGE_ID), delete(OTHER_ID)])).header("idempotency-key", "k");
        let reasons = json!([{"Code": "ConditionalCheckFailed"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let gone = ("TransactWriteItems", 400, cancelled);
        let aws = FakeAws::new([
            begun(&digest(&request).await, None),
            gone,
            deleted(),
            ok("UpdateItem", json!({})),
        ]);
        let answer = answer(&aws, request).await;
        let problems: Vec<&Value> =
            answer.body["outcomes"].as_array().unwrap().iter().map(|outcome| &outcome["problem"]).collect();
        assert_eq!(problems, [&Value::Null, &Value::Null]);
    }

    #[tokio::test]
    async fn outcomes_with_a_temporary_failure_are_not_stored() {
        let request = request(&json!([delete(IMAGE_ID), delete(OTHER_ID)])).header("idempotency-key", "k");
        let busy = error("TransactWriteItems", "ThrottlingException");
        let aws = FakeAws::new([ok("TransactWriteItems", json!({})), deleted(), busy]);
        let answer = answer(&aws, request).await;
        assert_eq!(answer.body["outcomes"][1]["problem"]["code"], "unavailable");
        assert_eq!(aws.operations(), ["TransactWriteItems"; 3]);
    }

    #[tokio::test]
    async fn a_key_of_another_request_is_refused() {
        let request = request(&json!([delete(IMAGE_ID)])).header("idempotency-key", "k");
        let answer = answer(&FakeAws::new([begun("another", None)]), request).await;
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("idempotency-key-reused")));
    }
}

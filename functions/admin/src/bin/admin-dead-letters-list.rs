//! `GET /api/admin/queues/{name}/dead-letters`: returns some of the dead letters of a kind of work.

use admin::{DeadLetter, Queues};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use serde::Serialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queues = Queues::from_env(&aws::config()?)?;
    api::serve(|request| list(&queues, request)).await
}

#[derive(Debug, Serialize)]
struct Body {
    dead_letters: Vec<DeadLetter>,
}

async fn list(queues: &Queues, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let letters = queues.dead_letters(api::path(&request, "name")).ok_or_else(Problem::not_found)?;
    api::json(StatusCode::OK, &Body { dead_letters: letters.sample().await? })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, error, ok};

    use super::*;

    fn message(id: &str, sent: i64, body: &Value) -> Value {
        json!({
            "MessageId": id, "ReceiptHandle": format!("handle of {id}"), "Body": body.to_string(),
            "Attributes": {"SentTimestamp": sent.to_string(), "ApproximateReceiveCount": "20"},
        })
    }

    async fn answer(aws: &FakeAws, request: TestRequest, name: &str) -> Answer {
        let queues = Queues::new(&aws.config(), |variable| Ok::<_, Infallible>(variable.to_owned())).unwrap();
        list(&queues, request.path("name", name).build()).await.into()
    }

    #[tokio::test]
    async fn the_letters_are_shown_without_their_content_and_become_visible_again() {
        let keys = json!({"pk": {"S": format!("USER#{USER}")}, "sk": {"S": format!("IMAGE#{IMAGE_ID}")}});
        let content = json!({"title": {"S": "My secret"}, "phone_number": {"S": "+4915123456789"}});
        let record = json!({"eventName": "REMOVE", "dynamodb": {"Keys": keys, "OldImage": content}});
        let later = message("b", 1_773_342_300_123, &record);
        let earlier = message("a", 1_773_342_300_000, &json!("poison"));
        let shown = || ok("ChangeMessageVisibility", json!({}));
        let aws = FakeAws::new([
            ok("ReceiveMessage", json!({"Messages": [later]})),
            // The same message may arrive twice. Then it is visible before its second handle is used.
            ok("ReceiveMessage", json!({"Messages": [later, earlier]})),
            ok("ReceiveMessage", json!({})),
            ok("ReceiveMessage", json!({})),
            shown(),
            error("ChangeMessageVisibility", "MessageNotInflight"),
            shown(),
        ]);
        insta::assert_json_snapshot!(answer(&aws, TestRequest::new("GET").admin(), "reclaim").await, @r#"
        {
          "status": 200,
          "body": {
            "dead_letters": [
              {
                "about": {
                  "change": null,
                  "id": null,
                  "kind": "other",
                  "user_id": null
                },
                "id": "a",
                "received": 20,
                "sent_at": "2026-03-12T19:05:00Z"
              },
              {
                "about": {
                  "change": "removed",
                  "id": "01K8Z3J5Q0000000000000TEST",
                  "kind": "image",
                  "user_id": "5f0c3c9e-0000-4000-8000-000000000000"
                },
                "id": "b",
                "received": 20,
                "sent_at": "2026-03-12T19:05:00.123Z"
              }
            ]
          }
        }
        "#);
        let calls = aws.calls();
        assert!(calls.iter().all(|(_, input)| input["QueueUrl"] == "RECLAIM_DEAD_LETTERS"), "{calls:?}");
        let (_, shown) = &calls[calls.len() - 1];
        assert_eq!(shown["VisibilityTimeout"], 0);
    }

    #[tokio::test]
    async fn an_unknown_kind_of_work_is_not_found() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, TestRequest::new("GET").admin(), "unknown").await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("not-found")));
    }

    #[tokio::test]
    async fn only_an_admin_sees_letters() {
        let aws = FakeAws::new([]);
        let answer = answer(&aws, TestRequest::new("GET"), "reclaim").await;
        assert_eq!((answer.status, &answer.body["code"]), (403, &json!("admins-only")));
        assert!(aws.calls().is_empty());
    }
}

//! `DELETE /api/trash`: deletes the images in the trash, at most 200 with one request. The response says whether more
//! are left.

use std::time::{Duration, Instant};

use api::{Caller, Error, Reply, Request, StatusCode};
use serde::Serialize;
use store::{EmptiedTrash, Records};

/// How long this function deletes. If DynamoDB is slow, the response then says that more images are left. The function has
/// ten seconds (template.yaml).
const WORK_TIME: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| empty(&records, Instant::now() + WORK_TIME, request)).await
}

#[derive(Debug, Serialize)]
struct EmptiedBody {
    deleted: usize,
    is_empty: bool,
}

async fn empty(records: &Records, until: Instant, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let EmptiedTrash { deleted, is_empty } = records.empty_trash(&caller.user, until).await?;
    api::json(StatusCode::OK, &EmptiedBody { deleted, is_empty })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, items, ok};

    use super::*;

    const IDS: [&str; 2] = ["01K8Z3J5Q0000000000000TEST", "01K8Z3J5Q0000000000000THER"];

    /// The items that list these images.
    fn listed(ids: &[&str]) -> Vec<Value> {
        ids.iter().map(|id| json!({"pk": format!("USER#{USER}"), "sk": format!("TRASH#{id}")})).collect()
    }

    async fn answer(aws: &FakeAws) -> Answer {
        answer_until(aws, Instant::now() + WORK_TIME).await
    }

    async fn answer_until(aws: &FakeAws, until: Instant) -> Answer {
        empty(&aws.records(), until, TestRequest::new("DELETE").build()).await.into()
    }

    #[tokio::test]
    async fn a_restored_image_stays_and_the_response_says_whether_more_are_left() {
        let reasons = json!([{"Code": "ConditionalCheckFailed"}, {"Code": "None"}]);
        let restored = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let mut page = items(&listed(&IDS));
        page["LastEvaluatedKey"] = json!({"pk": {"S": "USER#x"}, "sk": {"S": format!("TRASH#{}", IDS[1])}});
        let aws = FakeAws::new([
            ok("Query", page),
            ("TransactWriteItems", 400, restored),
            ok("TransactWriteItems", json!({})),
            ok("TransactWriteItems", json!({})),
        ]);
        let answer = answer(&aws).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"deleted": 1, "is_empty": false})));
        let calls = aws.calls();
        assert_eq!(calls[0].1["Limit"], 200);
        // Only an image that is still in the trash is deleted.
        let delete = &calls[1].1["TransactItems"][0]["Delete"];
        assert_eq!(delete["ConditionExpression"], "attribute_exists(#trash)");
    }

    #[tokio::test]
    async fn when_the_time_is_over_the_response_says_that_more_are_left() {
        let aws = FakeAws::new([ok("Query", items(&listed(&IDS)))]);
        let answer = answer_until(&aws, Instant::now()).await;
        assert_eq!(answer.body, json!({"deleted": 0, "is_empty": false}));
    }

    #[tokio::test]
    async fn an_empty_trash_is_no_error() {
        let aws = FakeAws::new([ok("Query", items(&[]))]);
        assert_eq!(answer(&aws).await.body, json!({"deleted": 0, "is_empty": true}));
    }
}

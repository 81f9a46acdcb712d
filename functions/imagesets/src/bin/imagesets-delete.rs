//! `DELETE /api/imagesets/{id}`: deletes a set and the images in its slots. If the tier has a trash, the images move
//! there. Images that are in the trash already stay there.

use api::{Caller, Error, Query, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let is_permanent = Query::of(&request).flag("permanent")?;
    api::deleted(records.delete_set(&caller.user, id, is_permanent, None, domain::now()).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, batch, item, ok, profile, ready_image, set, tier,
    };

    use super::*;

    fn trashed() -> Value {
        let mut image = ready_image();
        image["trash"] = json!({"moved_at": "2026-03-12T19:03:58Z", "until": 4_000_000_000_i64});
        image
    }

    /// The responses to reads of a set with this image, in a tier with a trash.
    fn reads(image: &Value) -> Vec<(&'static str, u16, Value)> {
        let mut tier = tier();
        tier["trash_days"] = json!(30);
        let mut profile = profile(tier);
        profile["sets"] = json!(1);
        let set = set(&json!({"image1": IMAGE_ID}));
        let image = std::slice::from_ref(image);
        vec![ok("GetItem", item(&set)), ok("GetItem", item(&profile)), ok("BatchGetItem", batch(image))]
    }

    async fn answer(aws: &FakeAws, query: &str) -> Answer {
        let request = TestRequest::new("DELETE").path("id", SET_ID).query(query).build();
        delete(&aws.records(), request).await.into()
    }

    /// What each transaction does with the image.
    fn written(aws: &FakeAws) -> Vec<Value> {
        let transactions = aws.calls().into_iter().filter(|(operation, _)| operation == "TransactWriteItems");
        transactions.map(|(_, input)| input["TransactItems"][2].clone()).collect()
    }

    #[tokio::test]
    async fn an_image_in_the_trash_stays_there() {
        for query in ["", "permanent=true"] {
            let aws = FakeAws::new([reads(&trashed()), vec![ok("TransactWriteItems", json!({}))]].concat());
            assert_eq!(answer(&aws, query).await.status, 204);
            let check = &written(&aws)[0]["ConditionCheck"];
            assert_eq!(
                (check["Key"]["sk"]["S"].as_str(), check["ConditionExpression"].as_str()),
                (
                    Some(format!("IMAGE#{IMAGE_ID}").as_str()),
                    Some("attribute_not_exists(#pk) OR attribute_exists(#trash)")
                )
            );
        }
    }

    #[tokio::test]
    async fn an_image_that_is_restored_at_the_same_time_moves_back_to_the_trash() {
        let reasons = json!([{"Code": "None"}, {"Code": "None"}, {"Code": "ConditionalCheckFailed"}]);
        let cancelled = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let refused = vec![("TransactWriteItems", 400, cancelled)];
        let written_then = vec![ok("TransactWriteItems", json!({}))];
        let aws = FakeAws::new([reads(&trashed()), refused, reads(&ready_image()), written_then].concat());
        assert_eq!(answer(&aws, "").await.status, 204);
        let last = &written(&aws)[1]["Update"];
        assert!(last["UpdateExpression"].as_str().unwrap().contains("#trash = "), "{last}");
    }

    #[tokio::test]
    async fn a_permanent_deletion_skips_the_trash() {
        let aws = FakeAws::new([reads(&ready_image()), vec![ok("TransactWriteItems", json!({}))]].concat());
        assert_eq!(answer(&aws, "permanent=true").await.status, 204);
        let delete = &written(&aws)[0]["Delete"];
        assert_eq!(delete["ConditionExpression"], "attribute_not_exists(#trash)");
    }
}

//! `DELETE /api/imagesets/{id}/images/{slot}`: takes the image out of a slot. The image stays in the library.

use api::{Caller, Error, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (id, slot) = (api::path_id(&request)?, imagesets::slot_in_path(&request)?);
    api::deleted(records.empty_slot(&caller.user, id, slot, domain::now()).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, IMAGE_ID, SET_ID, TestRequest, item, ok, set};

    use super::*;

    async fn answer(aws: &FakeAws, slot: &str) -> Answer {
        let request = TestRequest::new("DELETE").path("id", SET_ID).path("slot", slot).build();
        delete(&aws.records(), request).await.into()
    }

    #[tokio::test]
    async fn the_image_leaves_the_slot_and_is_not_deleted() {
        let set = set(&json!({"image1": IMAGE_ID}));
        let aws = FakeAws::new([ok("GetItem", item(&set)), ok("TransactWriteItems", json!({}))]);
        assert_eq!(answer(&aws, "image1").await.status, 204);
        let calls = aws.calls();
        let items = calls[1].1["TransactItems"].as_array().unwrap();
        let updates: Vec<_> =
            items.iter().map(|item| item["Update"]["UpdateExpression"].as_str().unwrap()).collect();
        assert!(updates[0].starts_with("REMOVE ") && updates[1].contains("REMOVE #set"), "{updates:?}");
    }

    #[tokio::test]
    async fn an_empty_slot_and_an_unknown_slot_are_not_found() {
        let aws = FakeAws::new([ok("GetItem", item(&set(&json!({}))))]);
        assert_eq!(answer(&aws, "image1").await.status, 404);
        assert_eq!(answer(&FakeAws::new([]), "image4").await.status, 404);
    }
}

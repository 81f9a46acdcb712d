//! `DELETE /api/images/{id}`: removes an image. Its objects and its place in the quota follow within
//! seconds, from the table's stream.

use api::{Caller, Error, Problem, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    if records.delete_image(&caller.user, id, domain::now()).await? {
        api::no_content()
    } else {
        Err(Problem::not_found())
    }
}

#[cfg(test)]
mod tests {
    use endpoint_test::{Answer, FakeAws, IMAGE_ID, TestRequest, image, item, ok};
    use serde_json::json;

    use super::*;

    async fn answer(aws: &FakeAws, id: &str) -> Answer {
        delete(&aws.records(), TestRequest::new("DELETE").path("id", id).build()).await.into()
    }

    #[tokio::test]
    async fn an_id_of_another_form_is_not_found_without_a_call() {
        let aws = FakeAws::new([]);
        insta::assert_json_snapshot!(answer(&aws, "../x").await, @"");
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn an_image_is_deleted() {
        let aws = FakeAws::new([
            ok("GetItem", item(&image())),
            ok("DeleteItem", json!({})),
            ok("TransactWriteItems", json!({})),
        ]);
        insta::assert_json_snapshot!(answer(&aws, IMAGE_ID).await, @"");
        insta::assert_json_snapshot!(aws.operations(), @"");
    }
}

//! `DELETE /api/images/{id}`: deletes an image. Within seconds, a worker deletes its files and
//! reduces the usage.

use api::{Caller, Error, Reply, Request};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| delete(&records, request)).await
}

async fn delete(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    api::deleted(records.delete_image(&caller.user, id, domain::now()).await?)
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
        insta::assert_json_snapshot!(answer(&aws, "../x").await, @r#"
        {
          "status": 404,
          "body": {
            "code": "not-found",
            "detail": "There is nothing at this address.",
            "status": 404,
            "title": "Not Found",
            "type": "urn:darkroom:problem:not-found"
          }
        }
        "#);
        assert!(aws.calls().is_empty());
    }

    #[tokio::test]
    async fn an_image_is_deleted() {
        let aws = FakeAws::new([ok("DeleteItem", json!({"Attributes": item(&image())["Item"]}))]);
        insta::assert_json_snapshot!(answer(&aws, IMAGE_ID).await, @r#"
        {
          "status": 204,
          "body": null
        }
        "#);
        insta::assert_json_snapshot!(aws.operations(), @r#"
        [
          "DeleteItem"
        ]
        "#);
    }
}

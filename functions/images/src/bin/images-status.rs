//! `GET /api/images/{id}/status`: returns the status of an image. Clients poll this endpoint.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use domain::{Failure, ImageId, Status};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| status(&records, request)).await
}

#[derive(Debug, Serialize)]
struct StatusBody {
    id: ImageId,
    status: Status,
    version: u32,
    failure: Option<Failure>,
}

async fn status(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let image = records.image(&caller.user, id, domain::now()).await?.ok_or_else(Problem::not_found)?;
    let version = image.shown_version();
    let body = StatusBody { id, status: image.status, version, failure: image.failure };
    api::json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, image, item, ok};

    use super::*;

    #[tokio::test]
    async fn a_failed_image_has_a_reason() {
        let mut failed = image();
        failed["status"] = json!("failed");
        failed["failure"] = json!({"code": "corrupt-image", "detail": "The file ends early."});
        let aws = FakeAws::new([ok("GetItem", item(&failed))]);
        let request = TestRequest::new("GET").path("id", IMAGE_ID).build();
        insta::assert_json_snapshot!(Answer::from(status(&aws.records(), request).await), @r#"
        {
          "status": 200,
          "body": {
            "failure": {
              "code": "corrupt-image",
              "detail": "The file ends early."
            },
            "id": "01K8Z3J5Q0000000000000TEST",
            "status": "failed",
            "version": 1
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_expired_image_does_not_exist() {
        let mut expired = image();
        expired["expires_at"] = json!(1);
        let aws = FakeAws::new([ok("GetItem", item(&expired))]);
        let request = TestRequest::new("GET").path("id", IMAGE_ID).build();
        insta::assert_json_snapshot!(Answer::from(status(&aws.records(), request).await), @r#"
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
    }
}

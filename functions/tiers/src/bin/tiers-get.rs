//! `GET /api/account-tiers/{id}`: returns a tier. Public.

use api::{Error, Problem, Reply, Request, StatusCode, TierBody};
use domain::TierId;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| get(&records, request)).await
}

async fn get(records: &Records, request: Request) -> Reply {
    let id = TierId::try_from(api::path(&request, "id").to_owned()).map_err(|_| Problem::not_found())?;
    let tier = records.tier(&id).await?.ok_or_else(Problem::not_found)?;
    api::json(StatusCode::OK, &TierBody::from(tier))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use test_support::{Answer, FakeAws, TestRequest, item, ok, tier};

    use super::*;

    #[tokio::test]
    async fn a_tier_needs_no_token() {
        let aws = FakeAws::new([ok("GetItem", item(&tier()))]);
        let request = TestRequest::new("GET").public().path("id", "basic").build();
        insta::assert_json_snapshot!(Answer::from(get(&aws.records(), request).await), @r#"
        {
          "status": 200,
          "body": {
            "ai": false,
            "expiring_links": false,
            "id": "basic",
            "max_ai_calls_per_day": 10,
            "max_image_bytes": 10000000,
            "max_images": 100,
            "max_links": 100,
            "max_pending_uploads": 100,
            "max_sets": 100,
            "name": "Basic",
            "original_link": false,
            "renditions": false,
            "thumbnail_sizes": [
              200
            ],
            "trash_days": 0
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_unknown_tier_is_not_found() {
        let aws = FakeAws::new([ok("GetItem", json!({}))]);
        let request = TestRequest::new("GET").public().path("id", "gold").build();
        insta::assert_json_snapshot!(Answer::from(get(&aws.records(), request).await), @r#"
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

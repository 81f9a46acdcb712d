//! `POST /api/images/{id}/links`: creates an address of the original. The caller chooses when it expires.
//!
//! A presigned URL expires at the latest with the credentials that signed it (Amazon S3 user guide, "Download and upload objects with
//! presigned URLs", "Expiration time"). A function does not know that time: Lambda sets the role's keys and
//! session token as environment variables, without their expiration (AWS Lambda developer guide, "Defined runtime
//! environment variables"). So `expires_at` is an upper bound, and the contract says so.

use api::{Caller, Error, Problem, ProblemCode, Reply, Request, StatusCode};
use domain::{InvalidField, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| create(&records, &objects, request)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    expires_in: Seconds,
}

/// 300 to 30,000 seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
struct Seconds(i64);

#[derive(Debug, Serialize)]
struct LinkBody {
    url: String,
    /// The address expires at this time at the latest.
    expires_at: Timestamp,
}

async fn create(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let Body { expires_in: Seconds(seconds) } = api::body(&request)?;
    let now = domain::now();
    let found = records.image_and_profile(&caller.user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    if !profile.limits.expiring_links {
        let detail = format!("The {} tier does not include expiring links.", profile.limits.name.as_str());
        return Err(Problem::new(ProblemCode::LinksNotInTier, detail));
    }
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    let link = objects.original_link(&caller.user, &image, picture, now, seconds).await?;
    records.create_link(&caller.user, profile, id, link.expires_at, now).await?;
    api::json(StatusCode::CREATED, &LinkBody { url: link.url, expires_at: link.expires_at })
}

impl TryFrom<i64> for Seconds {
    type Error = InvalidField;

    fn try_from(seconds: i64) -> Result<Self, InvalidField> {
        let fits = (300..=30_000).contains(&seconds);
        fits.then_some(Self(seconds)).ok_or_else(|| InvalidField::from("must be 300 to 30000 seconds"))
    }
}

#[cfg(test)]
mod tests {
    use endpoint_test::{
        Answer, FakeAws, IMAGE_ID, TestRequest, image, item, ok, profile, ready_image, tier,
    };
    use serde_json::{Value, json};

    use super::*;

    async fn answer(image: &Value, expiring_links: bool, expires_in: i64) -> Answer {
        let mut tier = tier();
        tier["expiring_links"] = json!(expiring_links);
        let aws = FakeAws::new([
            ok("GetItem", item(image)),
            ok("GetItem", item(&profile(tier))),
            ok("TransactWriteItems", json!({})),
        ]);
        let request = TestRequest::new("POST").path("id", IMAGE_ID);
        let request = request.json(&json!({"expires_in": expires_in})).build();
        create(&aws.records(), &aws.objects(), request).await.into()
    }

    #[tokio::test]
    async fn a_link_is_created_if_the_tier_allows_it() {
        insta::assert_json_snapshot!(answer(&ready_image(), true, 300).await, {
            ".body.url" => "[url]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 201,
          "body": {
            "expires_at": "[time]",
            "url": "[url]"
          }
        }
        "#);
        insta::assert_json_snapshot!(answer(&ready_image(), false, 300).await, @r#"
        {
          "status": 403,
          "body": {
            "code": "links-not-in-tier",
            "detail": "The Basic tier does not include expiring links.",
            "status": 403,
            "title": "Forbidden",
            "type": "urn:darkroom:problem:links-not-in-tier"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_image_without_a_picture_has_no_link() {
        insta::assert_json_snapshot!(answer(&image(), true, 300).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "image-not-ready",
            "detail": "This image is pending. Wait until it is ready.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:image-not-ready"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_link_works_for_at_least_five_minutes() {
        insta::assert_json_snapshot!(answer(&ready_image(), true, 299).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "expires_in: must be 300 to 30000 seconds",
            "field": "expires_in",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}

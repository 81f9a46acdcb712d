//! `GET /api/images/{id}/thumbnail?size=N`: redirects to a thumbnail. With `Accept: application/json`, it returns the
//! thumbnail's address. The default is the smallest size of the caller's tier.
//!
//! If the tier gained a size after the upload, `workers-render` creates and stores the thumbnail now, once for all
//! requests that ask at the same time.

use api::{Caller, Error, Problem, ProblemCode, Query, Reply, Request, StatusCode};
use domain::{Tier, Timestamp};
use images::{ResizeWorker, find_thumbnail};
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = ResizeWorker::from_env(&config)?;
    api::serve(|request| thumbnail(&records, &objects, &worker, request)).await
}

#[derive(Debug, Serialize)]
struct ThumbnailBody<'a> {
    url: &'a str,
    width: u32,
    height: u32,
    content_type: &'a str,
    expires_at: Timestamp,
}

async fn thumbnail(records: &Records, objects: &Objects, worker: &ResizeWorker, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let size = Query::of(&request).size()?;
    let now = domain::now();
    let (found, ()) = tokio::try_join!(
        records.image_claim_and_profile(&caller.user, id, now),
        objects.prepare_addresses()
    )?;
    let (image, claim, profile) = found.ok_or_else(Problem::not_found)?;
    let size = allowed_size(&profile.limits, size)?;
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    let (original, thumbnail) = match find_thumbnail(&picture.thumbnails, size) {
        Some(thumbnail) => (image.key_of(&caller.user, picture.version), thumbnail),
        None => {
            let wanted = (&profile.limits, size);
            worker.thumbnail(records, &caller.user, (&image, picture), claim, wanted, now).await?
        }
    };
    let link = objects.thumbnail_link(&original, &thumbnail, now).await?;
    if !api::wants_json(&request) {
        return api::redirect(&link.url, link.expires_at.as_second() - now.as_second());
    }
    let body = ThumbnailBody {
        url: &link.url,
        width: thumbnail.width,
        height: thumbnail.height,
        content_type: &thumbnail.content_type,
        expires_at: link.expires_at,
    };
    api::json(StatusCode::OK, &body)
}

/// The requested size, or the smallest size of the tier, if the tier includes it.
fn allowed_size(tier: &Tier, size: Option<u32>) -> Result<u32, Problem> {
    let size = size.or_else(|| tier.smallest_size()).ok_or_else(Problem::not_found)?;
    let sizes = &tier.thumbnail_sizes;
    if sizes.contains(&size) {
        return Ok(size);
    }
    let detail =
        format!("The {} tier includes thumbnails of the sizes {sizes:?}, not {size}.", tier.name.as_str());
    Err(Problem::new(ProblemCode::SizeNotInTier, detail).with("sizes", sizes.clone()))
}

#[cfg(test)]
mod tests {
    use domain::Lease;
    use serde_json::{Value, json};
    use store::ResizeClaim;
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, USER, error, item, ok, profile, ready_image, tier,
    };

    use super::*;

    async fn answer_of(aws: &FakeAws, request: TestRequest) -> Answer {
        let worker = ResizeWorker::new(&aws.config(), "resize".to_owned());
        let request = request.path("id", IMAGE_ID).build();
        thumbnail(&aws.records(), &aws.objects(), &worker, request).await.into()
    }

    async fn answer(request: TestRequest) -> Answer {
        let aws = FakeAws::new([ok("GetItem", item(&ready_image())), ok("GetItem", item(&profile(tier())))]);
        answer_of(&aws, request).await
    }

    /// A tier that gained the size 400, and the image as it is before and after `workers-render` has added it.
    fn gained() -> (Value, Value, Value) {
        let (mut tier, mut claimed) = (tier(), ready_image());
        tier["thumbnail_sizes"] = json!([200, 400]);
        claimed["picture"]["resize"] = json!({"owner": "another", "until": 9_999_999_999_i64});
        let mut added = ready_image();
        let new = json!({"size": 400, "width": 400, "height": 300, "content_type": "image/jpeg"});
        added["picture"]["thumbnails"].as_array_mut().unwrap().push(new);
        (profile(tier), claimed, added)
    }

    fn read(stored: &Value) -> (&'static str, u16, Value) {
        ok("GetItem", item(stored))
    }

    /// DynamoDB refuses the claim, and returns the stored image.
    fn refused(stored: &Value) -> (&'static str, u16, Value) {
        let mut refused = error("UpdateItem", "ConditionalCheckFailedException");
        refused.2["Item"] = item(stored)["Item"].clone();
        refused
    }

    #[tokio::test]
    async fn while_another_request_has_the_thumbnail_made_it_waits_and_reads_once() {
        let (profile, claimed, added) = gained();
        let (before, profile) = (read(&ready_image()), read(&profile));
        for (prepared, operations) in [
            (vec![read(&claimed), profile.clone(), read(&added)], vec!["GetItem", "GetItem", "GetItem"]),
            // The other request claims the thumbnail after this one has read the image.
            (
                vec![before.clone(), profile.clone(), refused(&claimed), read(&added)],
                vec!["GetItem", "GetItem", "UpdateItem", "GetItem"],
            ),
            // Meanwhile, the other request has even ended.
            (vec![before, profile, refused(&added)], vec!["GetItem", "GetItem", "UpdateItem"]),
        ] {
            let aws = FakeAws::new(prepared);
            let answer = answer_of(&aws, TestRequest::new("GET").query("size=400")).await;
            let answer = serde_json::to_value(&answer).unwrap();
            assert_eq!(answer["status"], 302, "{answer}");
            assert!(answer["headers"]["location"].as_str().unwrap().contains("/1/400.jpg"), "{answer}");
            assert_eq!(aws.operations(), operations);
        }
    }

    #[tokio::test]
    async fn if_that_takes_long_the_client_is_told_when_to_ask_again() {
        let (profile, claimed, _) = gained();
        let aws = FakeAws::new([read(&claimed), read(&profile), read(&claimed)]);
        let answer = answer_of(&aws, TestRequest::new("GET").query("size=400")).await;
        insta::assert_json_snapshot!(answer, @r#"
        {
          "status": 503,
          "headers": {
            "retry-after": "2"
          },
          "body": {
            "code": "unavailable",
            "detail": "This thumbnail is being made. Try again in a few seconds.",
            "status": 503,
            "title": "Service Unavailable",
            "type": "urn:darkroom:problem:unavailable"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn an_expired_claim_is_taken_over_and_a_deleted_image_is_not_found() {
        let (profile, mut claimed, _) = gained();
        claimed["picture"]["resize"]["until"] = json!(1);
        for (code, status) in [("AccessDeniedException", 500), ("ConditionalCheckFailedException", 404)] {
            let aws = FakeAws::new([read(&claimed), read(&profile), error("UpdateItem", code)]);
            let answer = answer_of(&aws, TestRequest::new("GET").query("size=400")).await;
            assert_eq!(answer.status, status, "{code}");
            assert_eq!(aws.operations(), ["GetItem", "GetItem", "UpdateItem"]);
        }
    }

    #[tokio::test]
    async fn a_claim_whose_response_was_lost_is_recognised_when_it_is_repeated() {
        let (_, claimed, _) = gained();
        let (user, id, now) = (USER.parse().unwrap(), IMAGE_ID.parse().unwrap(), domain::now());
        for (owner, is_taken) in [("another", true), ("own", false)] {
            let aws = FakeAws::new([read(&ready_image()), refused(&claimed)]);
            let image = aws.records().image(&user, id, now).await.unwrap().unwrap();
            let (original, picture) = (image.key_of(&user, 1), image.picture.as_ref().unwrap());
            let lease = Lease { owner: owner.to_owned(), until: 9_999_999_999 };
            let claim = aws.records().claim_resize(&original, picture, &lease, now).await.unwrap();
            assert_eq!(matches!(claim, ResizeClaim::Taken), is_taken, "{owner}: {claim:?}");
        }
    }

    #[tokio::test]
    async fn the_smallest_size_is_the_default() {
        insta::assert_json_snapshot!(answer(TestRequest::new("GET")).await, {
            ".headers.location" => "[url]",
            ".headers[\"cache-control\"]" => "private, max-age=[seconds]",
        }, @r#"
        {
          "status": 302,
          "headers": {
            "cache-control": "private, max-age=[seconds]",
            "location": "[url]",
            "vary": "accept, authorization"
          },
          "body": null
        }
        "#);
        let request = TestRequest::new("GET").header("accept", "application/json");
        insta::assert_json_snapshot!(answer(request).await, {
            ".body.url" => "[url]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 200,
          "body": {
            "content_type": "image/jpeg",
            "expires_at": "[time]",
            "height": 150,
            "url": "[url]",
            "width": 200
          }
        }
        "#);
    }

    #[tokio::test]
    async fn a_size_that_the_tier_does_not_include_is_refused() {
        insta::assert_json_snapshot!(answer(TestRequest::new("GET").query("size=400")).await, @r#"
        {
          "status": 403,
          "body": {
            "code": "size-not-in-tier",
            "detail": "The Basic tier includes thumbnails of the sizes [200], not 400.",
            "sizes": [
              200
            ],
            "status": 403,
            "title": "Forbidden",
            "type": "urn:darkroom:problem:size-not-in-tier"
          }
        }
        "#);
        insta::assert_json_snapshot!(answer(TestRequest::new("GET").query("size=0")).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "size: the longer side in pixels, such as 200",
            "field": "size",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}

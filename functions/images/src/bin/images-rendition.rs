//! `GET /api/images/{id}/rendition`: redirects to the picture in the requested size, shape and format. With
//! `Accept: application/json`, it returns the address instead.
//!
//! The first request for a rendition has `workers-render` make it, once for all requests that ask at the same time.

use api::{Caller, Error, Problem, Query, Reply, Request, StatusCode};
use domain::{Rendition, RenditionOptions, Timestamp};
use images::RenditionWorker;
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = RenditionWorker::from_env(&config)?;
    api::serve(|request| rendition(&records, &objects, &worker, request)).await
}

#[derive(Debug, Serialize)]
struct RenditionBody<'a> {
    url: &'a str,
    width: u32,
    height: u32,
    content_type: &'a str,
    expires_at: Timestamp,
}

async fn rendition(
    records: &Records,
    objects: &Objects,
    worker: &RenditionWorker,
    request: Request,
) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let options = RenditionOptions::from_query(Query::of(&request).pairs())?;
    let wanted = Rendition::Picture(options.for_accept(api::accept(&request)));
    let now = domain::now();
    let found = records.image_profile_and_rendition(&caller.user, id, &wanted, now).await?;
    let (image, profile, mut found) = found.ok_or_else(Problem::not_found)?;
    if !profile.limits.renditions {
        return Err(Problem::renditions_not_in_tier(&profile.limits));
    }
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    // The rendition was read at the same time as the image, so with the centre in place of a focal point.
    let placed = wanted.clone().with_focal_point(image.focal_point);
    if placed.canonical() != wanted.canonical() {
        found = records.rendition(&caller.user, id, &placed).await?;
    }
    let original = image.key_of(&caller.user, picture.version);
    let stored = worker.rendition_found(records, &original, picture, &placed, found, now).await?;
    let link = objects.rendition_link(&stored, now).await?;
    if !api::wants_json(&request) {
        return api::redirect(&link.url, link.expires_at.as_second() - now.as_second());
    }
    let body = RenditionBody {
        url: &link.url,
        width: stored.width,
        height: stored.height,
        content_type: &stored.content_type,
        expires_at: link.expires_at,
    };
    api::json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, USER, batch, error, item, ok, profile, ready_image, tier,
    };

    use super::*;

    const QUERY: &str = "width=320&height=240&fit=cover&format=webp";

    async fn answer_of(aws: &FakeAws, request: TestRequest) -> Answer {
        let worker = RenditionWorker::new(&aws.config(), "resize".to_owned());
        let request = request.path("id", IMAGE_ID).build();
        rendition(&aws.records(), &aws.objects(), &worker, request).await.into()
    }

    fn allowed() -> Value {
        let mut tier = tier();
        tier["renditions"] = json!(true);
        profile(tier)
    }

    /// The item of the rendition that [`QUERY`] asks for, of a version of the picture.
    fn made(canonical: &str, version: u32) -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("RENDITION#{IMAGE_ID}#{canonical}"),
            "version": version,
            "made": {"width": 320, "height": 240, "content_type": "image/webp", "bytes": 1234},
        })
    }

    #[tokio::test]
    async fn one_call_answers_if_the_rendition_exists() {
        let found = [ready_image(), allowed(), made("w320-h240-cover-0.5x0.5-q80-webp", 1)];
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found))]);
        let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
        let answer = serde_json::to_value(&answer).unwrap();
        assert_eq!(answer["status"], 302, "{answer}");
        assert_eq!(answer["headers"]["vary"], "accept, authorization");
        let location = answer["headers"]["location"].as_str().unwrap();
        assert!(location.contains("/1/w320-h240-cover-0.5x0.5-q80-webp?"), "{location}");
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found))]);
        let request = TestRequest::new("GET").query(QUERY).header("accept", "application/json");
        insta::assert_json_snapshot!(answer_of(&aws, request).await, {
            ".body.url" => "[url]",
            ".body.expires_at" => "[time]",
        }, @r#"
        {
          "status": 200,
          "body": {
            "content_type": "image/webp",
            "expires_at": "[time]",
            "height": 240,
            "url": "[url]",
            "width": 320
          }
        }
        "#);
    }

    #[tokio::test]
    async fn the_focal_point_of_the_image_needs_a_second_read() {
        let mut image = ready_image();
        image["focal_point"] = json!({"x": 0.25, "y": 0.125});
        let canonical = "w320-h240-cover-0.25x0.125-q80-webp";
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&[image, allowed()])),
            ok("GetItem", item(&made(canonical, 1))),
        ]);
        let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
        let answer = serde_json::to_value(&answer).unwrap();
        assert!(answer["headers"]["location"].as_str().unwrap().contains(canonical), "{answer}");
    }

    #[tokio::test]
    async fn a_rendition_of_an_older_picture_does_not_count_and_too_many_are_refused() {
        let mut image = ready_image();
        (image["version"], image["picture"]["version"]) = (json!(2), json!(2));
        let found = [image.clone(), allowed(), made("w320-h240-cover-0.5x0.5-q80-webp", 1)];
        image["picture"]["renditions"] = json!(100);
        let cancelled = json!({
            "__type": "TransactionCanceledException",
            "CancellationReasons": [
                {"Code": "None"},
                {"Code": "ConditionalCheckFailed", "Item": item(&image)["Item"]},
            ],
        });
        let aws = FakeAws::new([ok("BatchGetItem", batch(&found)), ("TransactWriteItems", 400, cancelled)]);
        insta::assert_json_snapshot!(answer_of(&aws, TestRequest::new("GET").query(QUERY)).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "too-many-renditions",
            "detail": "This picture already has 100 renditions. Use one of them.",
            "max_renditions": 100,
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:too-many-renditions"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn while_another_request_has_it_made_it_waits_and_then_says_when_to_ask_again() {
        let canonical = "w320-h240-cover-0.5x0.5-q80-webp";
        let mut claimed = made(canonical, 1);
        claimed.as_object_mut().unwrap().remove("made");
        claimed["lease"] = json!({"owner": "another", "until": 9_999_999_999_i64});
        let first = || ok("BatchGetItem", batch(&[ready_image(), allowed()]));
        // Another transaction, most likely the claim of another request, changes the image at the same time.
        let conflict = || {
            let reasons = json!([{"Code": "TransactionConflict"}, {"Code": "TransactionConflict"}]);
            let body = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
            ("TransactWriteItems", 400, body)
        };
        let request = || TestRequest::new("GET").query(QUERY);
        let aws = FakeAws::new([
            first(),
            conflict(),
            ok("GetItem", item(&claimed)),
            ok("GetItem", item(&made(canonical, 1))),
        ]);
        assert_eq!(serde_json::to_value(answer_of(&aws, request()).await).unwrap()["status"], 302);
        let mut prepared = vec![first(), conflict()];
        prepared.extend((0..5).map(|_| ok("GetItem", item(&claimed))));
        let answer = serde_json::to_value(answer_of(&FakeAws::new(prepared), request()).await).unwrap();
        assert_eq!((&answer["status"], &answer["headers"]["retry-after"]), (&json!(503), &json!("2")));
        // The holder of an old claim has died. The rendition was counted before, so one write takes the claim over.
        claimed["lease"]["until"] = json!(1);
        let aws = FakeAws::new([
            ok("BatchGetItem", batch(&[ready_image(), allowed(), claimed])),
            error("UpdateItem", "AccessDeniedException"),
        ]);
        answer_of(&aws, request()).await;
        assert_eq!(aws.operations(), ["BatchGetItem", "UpdateItem"]);
    }

    #[tokio::test]
    async fn what_cannot_be_made_is_refused_without_another_attempt() {
        let mut failed = made("w320-h240-cover-0.5x0.5-q80-webp", 1);
        failed.as_object_mut().unwrap().remove("made");
        failed["failure"] = json!({"code": "too-many-pixels", "detail": "The image is too large."});
        let aws = FakeAws::new([ok("BatchGetItem", batch(&[ready_image(), allowed(), failed]))]);
        insta::assert_json_snapshot!(answer_of(&aws, TestRequest::new("GET").query(QUERY)).await, @r#"
        {
          "status": 409,
          "body": {
            "code": "image-not-ready",
            "detail": "The image is too large.",
            "status": 409,
            "title": "Conflict",
            "type": "urn:darkroom:problem:image-not-ready"
          }
        }
        "#);
    }

    #[tokio::test]
    async fn the_tier_has_to_include_renditions_and_the_parameters_have_to_be_valid() {
        let old = {
            let mut tier = tier();
            tier.as_object_mut().unwrap().remove("renditions");
            profile(tier)
        };
        for refused in [profile(tier()), old] {
            let aws = FakeAws::new([ok("BatchGetItem", batch(&[ready_image(), refused]))]);
            let answer = answer_of(&aws, TestRequest::new("GET").query(QUERY)).await;
            let answer = serde_json::to_value(&answer).unwrap();
            assert_eq!(
                (&answer["status"], &answer["body"]["code"]),
                (&json!(403), &json!("renditions-not-in-tier"))
            );
        }
        let request = TestRequest::new("GET").query("width=1&height=2&width=1");
        insta::assert_json_snapshot!(answer_of(&FakeAws::new([]), request).await, @r#"
        {
          "status": 400,
          "body": {
            "code": "invalid-field",
            "detail": "width: send this parameter once",
            "field": "width",
            "status": 400,
            "title": "Bad Request",
            "type": "urn:darkroom:problem:invalid-field"
          }
        }
        "#);
    }
}

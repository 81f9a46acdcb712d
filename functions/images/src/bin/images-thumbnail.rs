//! `GET /api/images/{id}/thumbnail?size=N`: redirects to a thumbnail. With `Accept: application/json`, it returns the
//! thumbnail's address. The default is the smallest size of the caller's tier.
//!
//! If the tier gained a size after the upload, `workers-resize` creates and stores the thumbnail now.

use api::{Caller, Error, Problem, ProblemCode, Query, Reply, Request, StatusCode};
use domain::{Picture, Thumbnail, Tier, Timestamp};
use images::ResizeWorker;
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
    let found = records.image_and_profile(&caller.user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    let size = allowed_size(&profile.limits, size)?;
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    let original = image.key_of(&caller.user, picture.version);
    let thumbnail = match find_thumbnail(&picture.thumbnails, size) {
        Some(thumbnail) => thumbnail,
        None => {
            let created = worker.develop(&original, &missing_sizes(picture, &profile.limits)).await?;
            find_thumbnail(&created, size).ok_or_else(|| {
                Problem::internal("workers-resize returned no thumbnail of the requested size")
            })?
        }
    };
    let link = objects.thumbnail_link(&original, &thumbnail, now).await?;
    if !wants_json(&request) {
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

fn find_thumbnail(thumbnails: &[Thumbnail], size: u32) -> Option<Thumbnail> {
    thumbnails.iter().find(|thumbnail| thumbnail.size == size).cloned()
}

/// The sizes of the tier that the picture lacks. The worker creates all of them from one decoding.
fn missing_sizes(picture: &Picture, tier: &Tier) -> Vec<u32> {
    let has = |size: &u32| picture.thumbnails.iter().any(|thumbnail| thumbnail.size == *size);
    tier.thumbnail_sizes.iter().copied().filter(|size| !has(size)).collect()
}

fn wants_json(request: &Request) -> bool {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

#[cfg(test)]
mod tests {
    use endpoint_test::{Answer, FakeAws, IMAGE_ID, TestRequest, item, ok, profile, ready_image, tier};

    use super::*;

    async fn answer(request: TestRequest) -> Answer {
        let aws = FakeAws::new([ok("GetItem", item(&ready_image())), ok("GetItem", item(&profile(tier())))]);
        let worker = ResizeWorker::new(&aws.config(), "resize".to_owned());
        let request = request.path("id", IMAGE_ID).build();
        thumbnail(&aws.records(), &aws.objects(), &worker, request).await.into()
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

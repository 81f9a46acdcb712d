//! `GET /api/images/{id}/thumbnail?size=N`: the way to a thumbnail, as a redirect or, for
//! `Accept: application/json`, as JSON. Without a size, the smallest of the caller's tier.

use api::{Caller, Error, ErrorStatus, Problem, Query, Reply, Request, StatusCode};
use domain::{Image, Profile, Status, Thumbnail, Timestamp};
use serde::Serialize;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| thumbnail(&records, &objects, request)).await
}

#[derive(Debug, Serialize)]
struct ThumbnailBody<'a> {
    url: &'a str,
    width: u32,
    height: u32,
    content_type: &'a str,
    expires_at: Timestamp,
}

async fn thumbnail(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let id = api::path_id(&request)?;
    let size = Query::of(&request).size()?;
    let now = domain::now();
    let found = records.image_and_profile(&caller.user, id, now).await?;
    let (image, profile) = found.ok_or_else(Problem::not_found)?;
    let thumbnail = choose(&image, &profile, size)?;
    let link = objects.thumbnail_link(&caller.user, &image, thumbnail, now).await?;
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

fn choose<'a>(image: &'a Image, profile: &Profile, size: Option<u32>) -> Result<&'a Thumbnail, Problem> {
    let sizes = &profile.limits.thumbnail_sizes;
    let size = size.or_else(|| profile.limits.smallest_size()).ok_or_else(Problem::not_found)?;
    if !sizes.contains(&size) {
        return Err(Problem::new(
            ErrorStatus::Forbidden,
            "size-not-in-tier",
            format!("The {} tier has thumbnails of {sizes:?}, not {size}.", profile.limits.name),
        )
        .with("sizes", sizes.clone()));
    }
    if image.status != Status::Ready {
        return Err(Problem::new(
            ErrorStatus::Conflict,
            "image-not-ready",
            format!("This image is {}; thumbnails exist once it is ready.", image.status.as_str()),
        ));
    }
    // The tier has gained the size since the picture was developed.
    image.thumbnails.iter().find(|thumbnail| thumbnail.size == size).ok_or_else(Problem::not_found)
}

fn wants_json(request: &Request) -> bool {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

//! Invoked by `images-thumbnail`: creates and stores thumbnails in sizes that the tier did not have when the picture was
//! uploaded.

use aws::{CallError, causes};
use domain::{Failure, ObjectKey, Thumbnail};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{Objects, Outcome, Records};
use tracing::{error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    workers::develop_if_asked();
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    lambda_runtime::run(service_fn(|event| handle(&records, &objects, event))).await
}

#[derive(Debug, Deserialize)]
struct ResizeRequest {
    /// The key of the original.
    original: String,
    /// The sizes of the thumbnails: longest sides in pixels.
    sizes: Vec<u32>,
    /// The owner of the caller's claim on these sizes.
    owner: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum ResizeResponse {
    Thumbnails(Vec<Thumbnail>),
    Failure(Failure),
}

async fn handle(
    records: &Records,
    objects: &Objects,
    event: LambdaEvent<ResizeRequest>,
) -> Result<ResizeResponse, Error> {
    let ResizeRequest { original, sizes, owner } = event.payload;
    let original: ObjectKey = original.parse()?;
    let resized = resize(records, objects, &original, &sizes, &owner).await;
    if let Err(error) = &resized {
        error!(key = %original, cause = %causes(error), "making thumbnails failed, the next request will retry");
        // If this fails too, the claim expires later.
        if let Err(error) = records.release_resize(&original, &owner).await {
            error!(key = %original, cause = %causes(&error), "the claim could not be released");
        }
    }
    Ok(resized?)
}

async fn resize(
    records: &Records,
    objects: &Objects,
    original: &ObjectKey,
    sizes: &[u32],
    owner: &str,
) -> Result<ResizeResponse, CallError> {
    let thumbnails = match workers::develop(objects, original, sizes).await? {
        Ok(developed) => developed.thumbnails,
        // The claim stays until it expires. Until then, no request reads and decodes this file again.
        Err(failure) => return Ok(ResizeResponse::Failure(failure)),
    };
    match records.finish_resize(original, owner, &thumbnails).await? {
        Outcome::Done => info!(key = %original, ?sizes, "added thumbnails"),
        Outcome::LeaseLost => info!(key = %original, ?sizes, "another request has taken over the claim"),
        // The image was deleted or replaced meanwhile. Nothing else would delete the new thumbnails.
        Outcome::Gone | Outcome::VersionObsolete => objects.remove_version(original).await?,
    }
    Ok(ResizeResponse::Thumbnails(thumbnails))
}

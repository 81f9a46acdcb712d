//! Invoked by `images-thumbnail`: creates and stores thumbnails in sizes that the tier did not have when the picture was
//! uploaded.

use domain::{Failure, ObjectKey, Thumbnail};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{Objects, Outcome, Records};
use tracing::info;

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
    let ResizeRequest { original, sizes } = event.payload;
    let original: ObjectKey = original.parse()?;
    let developed = match workers::develop(objects, &original, &sizes).await? {
        Ok(developed) => developed,
        Err(failure) => return Ok(ResizeResponse::Failure(failure)),
    };
    for thumbnail in &developed.thumbnails {
        match records.add_thumbnail(&original, thumbnail).await? {
            Outcome::Done => info!(key = %original, size = thumbnail.size, "added a thumbnail"),
            Outcome::LeaseLost => {
                info!(key = %original, size = thumbnail.size, "another request added the thumbnail first");
            }
            // The image was deleted or replaced meanwhile. Nothing else would delete the new thumbnails.
            Outcome::Gone | Outcome::VersionObsolete => {
                objects.remove_version(&original).await?;
                break;
            }
        }
    }
    Ok(ResizeResponse::Thumbnails(developed.thumbnails))
}

//! Called by `images-thumbnail`: develops sizes of a picture that were not asked for when it was uploaded, since
//! the tier has gained them, and keeps them.

use domain::{Failure, ObjectKey, Thumbnail};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{Objects, Outcome, Records};
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    lambda_runtime::run(service_fn(|event| handle(&records, &objects, event))).await
}

#[derive(Debug, Deserialize)]
struct Order {
    /// The key of the original.
    original: String,
    /// Longest sides in pixels.
    sizes: Vec<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Thumbnails(Vec<Thumbnail>),
    Failure(Failure),
}

async fn handle(records: &Records, objects: &Objects, event: LambdaEvent<Order>) -> Result<Answer, Error> {
    let Order { original, sizes } = event.payload;
    let original: ObjectKey = original.parse()?;
    let developed = match workers::develop(objects, &original, &sizes).await? {
        Ok(developed) => developed,
        Err(failure) => return Ok(Answer::Failure(failure)),
    };
    for thumbnail in &developed.thumbnails {
        match records.add_thumbnail(&original, thumbnail).await? {
            Outcome::Done => info!(key = %original, size = thumbnail.size, "added"),
            Outcome::LeaseLost => info!(key = %original, size = thumbnail.size, "added by another request"),
            // Removed or replaced meanwhile: what was stored since would stay for ever.
            Outcome::Gone | Outcome::VersionObsolete => {
                objects.remove_version(&original).await?;
                break;
            }
        }
    }
    Ok(Answer::Thumbnails(developed.thumbnails))
}

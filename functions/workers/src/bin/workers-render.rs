//! Makes pictures while a client waits for them. `images-thumbnail` invokes it for thumbnails in sizes that the tier did not
//! have when the picture was uploaded. `images-rendition` invokes it for renditions.

use aws::{CallError, causes};
use domain::{Failure, ObjectKey, Rendition, Thumbnail};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{MadeRendition, Objects, Outcome, Records};
use tracing::{Instrument, error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    workers::develop_if_asked();
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    lambda_runtime::run(service_fn(|event| handle(&records, &objects, event))).await
}

/// What to make. The caller has claimed it.
#[derive(Debug, Deserialize)]
struct Order {
    /// The key of the original.
    original: String,
    /// The owner of the caller's claim.
    owner: String,
    #[serde(flatten)]
    work: Work,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Work {
    Thumbnails {
        /// The sizes of the thumbnails: longest sides in pixels.
        sizes: Vec<u32>,
    },
    Rendition {
        rendition: Rendition,
        /// The width of the upright original, in pixels.
        width: u32,
        /// The height of the upright original, in pixels.
        height: u32,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Thumbnails(Vec<Thumbnail>),
    Rendition(MadeRendition),
    Failure(Failure),
}

async fn handle(records: &Records, objects: &Objects, event: LambdaEvent<Order>) -> Result<Response, Error> {
    let Order { original, owner, work } = event.payload;
    let original: ObjectKey = original.parse()?;
    let span = telemetry::correlated(original.image);
    make(records, objects, &original, &owner, &work).instrument(span).await
}

async fn make(
    records: &Records,
    objects: &Objects,
    original: &ObjectKey,
    owner: &str,
    work: &Work,
) -> Result<Response, Error> {
    let response = match work {
        Work::Thumbnails { sizes } => resize(records, objects, original, sizes, owner).await,
        Work::Rendition { rendition, width, height } => {
            render(records, objects, original, (*width, *height), rendition, owner).await
        }
    };
    if let Err(error) = &response {
        error!(key = %original, ?work, cause = %causes(error), "making pictures failed, the next request will retry");
        let released = match work {
            Work::Thumbnails { .. } => records.release_resize(original, owner).await,
            Work::Rendition { rendition, .. } => records.release_rendition(original, rendition, owner).await,
        };
        // If this fails too, the claim expires later.
        if let Err(error) = released {
            error!(key = %original, cause = %causes(&error), "the claim could not be released");
        }
    }
    Ok(response?)
}

async fn resize(
    records: &Records,
    objects: &Objects,
    original: &ObjectKey,
    sizes: &[u32],
    owner: &str,
) -> Result<Response, CallError> {
    let thumbnails = match workers::develop(objects, original, sizes).await? {
        Ok(developed) => developed.thumbnails,
        // The claim stays until it expires. Until then, no request reads and decodes this file again.
        Err(failure) => return Ok(Response::Failure(failure)),
    };
    match records.finish_resize(original, owner, &thumbnails).await? {
        Outcome::Done => info!(key = %original, ?sizes, "added thumbnails"),
        Outcome::LeaseLost => info!(key = %original, ?sizes, "another request has taken over the claim"),
        // The image was deleted or replaced meanwhile. Nothing else would delete the new thumbnails.
        Outcome::Gone | Outcome::VersionObsolete => objects.remove_version(original).await?,
    }
    Ok(Response::Thumbnails(thumbnails))
}

async fn render(
    records: &Records,
    objects: &Objects,
    original: &ObjectKey,
    size: (u32, u32),
    rendition: &Rendition,
    owner: &str,
) -> Result<Response, CallError> {
    let made = workers::make_rendition(objects, original, size, rendition).await?;
    let canonical = rendition.canonical();
    match records.finish_rendition(original, rendition, owner, &made).await? {
        Outcome::Done => info!(key = %original, canonical, made = made.is_ok(), "stored a rendition"),
        Outcome::LeaseLost => info!(key = %original, canonical, "another request has taken over the claim"),
        // The image was deleted or replaced meanwhile. Nothing else would delete the new file.
        Outcome::Gone | Outcome::VersionObsolete => {
            objects.remove_rendition(&rendition.key(original)).await?;
        }
    }
    Ok(made.map_or_else(Response::Failure, Response::Rendition))
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use serde_json::{Value, json};
    use test_support::{FakeAws, ok};

    use super::*;

    const THUMBNAILS: &str = include_str!("../../../../events/workers-render.json");
    const RENDITION: &str = include_str!("../../../../events/workers-render-rendition.json");
    /// The call that reads the original of both events. The test AWS names a call to S3 by the end of its address.
    const ORIGINAL: &str =
        "com/5f0c1d9e-7c53-4d7e-a1c9-6a3c5a0f4a11/01JZ8Q4V7N2M5K3R6T9W0XYZAB/1?x-id=GetObject";

    async fn handled(aws: &FakeAws, event: &str) -> Result<Value, Error> {
        let event = LambdaEvent::new(serde_json::from_str(event)?, Context::default());
        Ok(serde_json::to_value(handle(&aws.records(), &aws.objects(), event).await?)?)
    }

    /// S3 refuses to return the original.
    fn refused(status: u16, code: &str) -> (&'static str, u16, Value) {
        (ORIGINAL, status, json!(format!("<Error><Code>{code}</Code><Message>no</Message></Error>")))
    }

    fn upload_missing() -> Value {
        let detail = "The uploaded file no longer exists. Upload it again.";
        json!({"failure": {"code": "upload-missing", "detail": detail}})
    }

    #[tokio::test]
    async fn the_claim_of_thumbnails_that_cannot_be_made_stays() {
        let aws = FakeAws::new([refused(404, "NoSuchKey")]);
        assert_eq!(handled(&aws, THUMBNAILS).await.unwrap(), upload_missing());
        assert_eq!(aws.operations(), [ORIGINAL]);
    }

    #[tokio::test]
    async fn a_rendition_that_cannot_be_made_is_stored_as_failed() {
        let aws = FakeAws::new([refused(404, "NoSuchKey"), ok("UpdateItem", json!({}))]);
        assert_eq!(handled(&aws, RENDITION).await.unwrap(), upload_missing());
        assert_eq!(aws.operations(), [ORIGINAL, "UpdateItem"]);
        let (_, update) = aws.calls().pop().unwrap();
        assert_eq!(update["UpdateExpression"], "SET #failure = :v0 REMOVE #lease");
    }

    #[tokio::test]
    async fn after_a_failure_that_may_pass_the_next_request_need_not_wait() {
        for (event, release) in
            [(THUMBNAILS, "REMOVE #picture.#resize"), (RENDITION, "SET #lease.#until = :v0")]
        {
            let aws = FakeAws::new([refused(403, "AccessDenied"), ok("UpdateItem", json!({}))]);
            handled(&aws, event).await.unwrap_err();
            assert_eq!(aws.operations(), [ORIGINAL, "UpdateItem"]);
            let (_, update) = aws.calls().pop().unwrap();
            assert_eq!(update["UpdateExpression"], release);
        }
    }
}

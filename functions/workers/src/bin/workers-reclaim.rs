//! The table's stream: when an image's record goes, by its owner or because it expired, its objects and its
//! place in the quota follow.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::{Image, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::{Objects, Records};
use tracing::{error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    lambda_runtime::run(service_fn(|event| handle(&records, &objects, event))).await
}

/// Stops at the first record that fails: Lambda goes on from there, and what was done is done again
/// without effect.
async fn handle(
    records: &Records,
    objects: &Objects,
    event: LambdaEvent<Event>,
) -> Result<DynamoDbEventResponse, Error> {
    let mut response = DynamoDbEventResponse::default();
    for record in event.payload.records {
        if let Err(cause) = reclaim(records, objects, &record).await {
            error!(event_id = record.event_id, cause = aws::causes(&cause), "to be tried again");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    Ok(response)
}

async fn reclaim(records: &Records, objects: &Objects, record: &EventRecord) -> Result<(), CallError> {
    let Some((user, image)) = removed_image(record)? else { return Ok(()) };
    tokio::try_join!(
        objects.remove_all(&user, image.id),
        records.give_back(&user, image.id, image.upload.size.bytes(), domain::now()),
    )?;
    info!(%user, image = %image.id, "reclaimed");
    Ok(())
}

/// The image that a stream record tells the end of, if it does.
fn removed_image(record: &EventRecord) -> Result<Option<(UserId, Image)>, CallError> {
    if record.event_name != "REMOVE" {
        return Ok(None);
    }
    let keys: Keys = serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)?;
    let (Some(user), true) = (keys.pk.strip_prefix("USER#"), keys.sk.starts_with("IMAGE#")) else {
        return Ok(None);
    };
    let user = user.parse().map_err(CallError::internal)?;
    let image = serde_dynamo::from_item(record.change.old_image.clone()).map_err(CallError::internal)?;
    Ok(Some((user, image)))
}

#[derive(serde::Deserialize)]
struct Keys {
    pk: String,
    sk: String,
}

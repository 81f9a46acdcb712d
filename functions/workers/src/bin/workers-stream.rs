//! The table's stream: what follows when a record goes, by its owner or because it expired. An image's objects,
//! its place in the quota and its copy in Dropbox, a set's images, a replacement that never came. And when a job
//! comes: it goes to the queue of its provider.
//!
//! Both in one function, since no more than two may read a stream (AWS Lambda developer guide, "Using AWS Lambda
//! with Amazon DynamoDB"); the other one is `workers-tiers`.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::{Image, ImageSet, Job, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, de::DeserializeOwned};
use store::{Objects, Records};
use tracing::{error, info};
use workers::Dispatcher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let dispatcher = Dispatcher::from_env(&config)?;
    lambda_runtime::run(service_fn(|event| handle(&records, &objects, &dispatcher, event))).await
}

/// Stops at the first record that fails: Lambda goes on from there, and what was done is done again
/// without effect.
async fn handle(
    records: &Records,
    objects: &Objects,
    dispatcher: &Dispatcher,
    event: LambdaEvent<Event>,
) -> Result<DynamoDbEventResponse, Error> {
    let mut response = DynamoDbEventResponse::default();
    for record in event.payload.records {
        let outcome = match record.event_name.as_str() {
            "INSERT" => dispatch(dispatcher, &record).await,
            _ => reclaim(records, objects, &record).await,
        };
        if let Err(cause) = outcome {
            error!(event_id = record.event_id, cause = aws::causes(&cause), "to be tried again");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    Ok(response)
}

#[derive(Deserialize)]
struct Keys {
    pk: String,
    sk: String,
}

/// What notes a replacement that is waited for.
#[derive(Deserialize)]
struct Replacement {
    version: u32,
}

async fn dispatch(dispatcher: &Dispatcher, record: &EventRecord) -> Result<(), CallError> {
    let keys: Keys = serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)?;
    let (Some(user), true) = (keys.pk.strip_prefix("USER#"), keys.sk.starts_with("JOB#")) else {
        return Ok(());
    };
    let user: UserId = user.parse().map_err(CallError::internal)?;
    let job: Job = serde_dynamo::from_item(record.change.new_image.clone()).map_err(CallError::internal)?;
    dispatcher.send(user, &job).await?;
    info!(job = %job.id, "sent to its queue");
    Ok(())
}

async fn reclaim(records: &Records, objects: &Objects, record: &EventRecord) -> Result<(), CallError> {
    if record.event_name != "REMOVE" {
        return Ok(());
    }
    let keys: Keys = serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)?;
    let (Some(user), Some((kind, id))) = (keys.pk.strip_prefix("USER#"), keys.sk.split_once('#')) else {
        return Ok(());
    };
    let user: UserId = user.parse().map_err(CallError::internal)?;
    let now = domain::now();
    match kind {
        "IMAGE" => {
            let image: Image = old(record)?;
            let freed = async {
                match image.set {
                    Some(place) => records.free_slot(&user, image.id, place).await,
                    None => Ok(()),
                }
            };
            // An edit that waited for this image's upload.
            let edit = async {
                match image.edit_image_id.filter(|_| image.edit_deferred) {
                    Some(edit) => records.delete_image(&user, edit, now).await.map(drop),
                    None => Ok(()),
                }
            };
            tokio::try_join!(
                edit,
                objects.remove_all(&user, image.id),
                records.refund_quota(&user, image.id, image.held_bytes(), now),
                freed,
            )?;
            // After all else: whatever fails there would begin another removal each time.
            if let Some(dropbox_copy) = &image.dropbox_copy {
                records.begin(&user, dropbox_copy.removal()).await?;
            }
        }
        "SET" => records.delete_images_of(&user, &old::<ImageSet>(record)?.slots, now).await?,
        "REPLACEMENT" => {
            let image = id.parse().map_err(CallError::internal)?;
            let Replacement { version } = old(record)?;
            records.lapse_replacement(&user, image, version, now).await?;
        }
        _ => return Ok(()),
    }
    info!(%user, kind, id, "reclaimed");
    Ok(())
}

/// The item as it was.
fn old<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.old_image.clone()).map_err(CallError::internal)
}

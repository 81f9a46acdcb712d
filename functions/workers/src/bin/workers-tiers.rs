//! The table's stream: when a tier's rules change, the users who are in it get the new ones. When a profile is new, it
//! gets the current rules, because a first image copies them from a cache.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::{Profile, Tier, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, de::DeserializeOwned};
use store::Records;
use tracing::{error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let records = Records::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| handle(&records, event))).await
}

/// Stops at the first record that fails: Lambda goes on from there, and who has the rules already keeps
/// them.
async fn handle(records: &Records, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let mut response = DynamoDbEventResponse::default();
    for record in event.payload.records {
        let outcome = match record.event_name.as_str() {
            "MODIFY" => spread(records, &record).await,
            "INSERT" => refresh(records, &record).await,
            _ => Ok(()),
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

/// A tier has new rules.
async fn spread(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    let tier: Tier = new(record)?;
    let users = records.propagate_limits(&tier).await?;
    info!(tier = %tier.id, users, "rules copied");
    Ok(())
}

/// A user has a profile.
async fn refresh(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    let keys: Keys = serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)?;
    let (Some(user), "PROFILE") = (keys.pk.strip_prefix("USER#"), keys.sk.as_str()) else {
        return Ok(());
    };
    let user: UserId = user.parse().map_err(CallError::internal)?;
    let profile: Profile = new(record)?;
    if records.refresh_limits(&user, &profile).await? {
        info!(%user, tier = %profile.tier, "outdated rules of a new profile replaced");
    }
    Ok(())
}

/// The item as it is.
fn new<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.new_image.clone()).map_err(CallError::internal)
}

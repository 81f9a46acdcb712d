//! The table's stream: when a tier's rules change, the users who are in it get the new ones.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::Tier;
use lambda_runtime::{Error, LambdaEvent, service_fn};
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
        if let Err(cause) = spread(records, &record).await {
            error!(event_id = record.event_id, cause = aws::causes(&cause), "to be tried again");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    Ok(response)
}

async fn spread(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    if record.event_name != "MODIFY" {
        return Ok(());
    }
    let tier: Tier = serde_dynamo::from_item(record.change.new_image.clone()).map_err(CallError::internal)?;
    let users = records.spread_tier(&tier).await?;
    info!(tier = %tier.id, users, "rules copied");
    Ok(())
}

//! Handles the table's stream. When an admin changes a tier, the worker copies the new rules to the tier's users. When a
//! profile is added, the worker corrects outdated rules in it, because its rules may come from a cache.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::DynamoDbEventResponse;
use domain::{Profile, Tier};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use store::Records;
use tracing::info;
use workers::{Keys, new_item, process_in_order};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let records = Records::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| handle(&records, event))).await
}

async fn handle(records: &Records, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let process = async |record: &EventRecord| match record.event_name.as_str() {
        "MODIFY" => propagate_limits(records, record).await,
        "INSERT" => refresh_limits(records, record).await,
        _ => Ok(()),
    };
    Ok(process_in_order(event.payload, process).await)
}

/// Copies the new rules of a tier to its users.
async fn propagate_limits(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    let tier: Tier = new_item(record)?;
    let users = records.propagate_limits(&tier).await?;
    info!(tier = %tier.id, users, "copied the rules of a tier to its users");
    Ok(())
}

/// Replaces outdated rules in a new profile.
async fn refresh_limits(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    let keys = Keys::of(record)?;
    let (Some(user), "PROFILE") = (keys.user()?, keys.sk.as_str()) else {
        return Ok(());
    };
    let profile: Profile = new_item(record)?;
    if records.refresh_limits(&user, &profile).await? {
        info!(%user, tier = %profile.tier, "replaced outdated rules of a new profile");
    }
    Ok(())
}

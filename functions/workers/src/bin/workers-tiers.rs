//! Handles records of the table's stream, which `workers-stream` sends to a queue. When an admin changes a tier, the
//! worker copies the new rules to the tier's users. When a profile is added, the worker corrects outdated rules in it,
//! because its rules may come from a cache.
//!
//! A record that fails stays in the queue. A change of a tier with very many users continues with the next delivery.

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::{Profile, Tier};
use lambda_runtime::{Error, service_fn};
use store::Records;
use tracing::info;
use workers::{BatchWorker, Keys, Outcomes, RetryQueue, each_in_order, new_item};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let worker = TiersWorker { records: Records::from_env(&config)? };
    let queue = RetryQueue::from_env(&config, "TIERS_QUEUE")?;
    lambda_runtime::run(service_fn(|event| queue.process(&worker, event))).await
}

struct TiersWorker {
    records: Records,
}

impl BatchWorker for TiersWorker {
    async fn process(&self, records: &[EventRecord], outcomes: &Outcomes) {
        // The order of the records does not matter: older rules never overwrite newer ones.
        each_in_order(records.iter().enumerate().map(|record| vec![record]), async |(index, record)| {
            outcomes.run(index, apply(&self.records, record)).await;
        })
        .await;
    }
}

async fn apply(records: &Records, record: &EventRecord) -> Result<(), CallError> {
    match record.event_name.as_str() {
        "MODIFY" => propagate_limits(records, record).await,
        "INSERT" => refresh_limits(records, record).await,
        _ => Ok(()),
    }
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
    // The profile of a user who created nothing and deletes the account has no content.
    if record.change.new_image.get("tier").is_none() {
        return Ok(());
    }
    let profile: Profile = new_item(record)?;
    if records.refresh_limits(&user, &profile, domain::now()).await? {
        info!(%user, tier = %profile.tier, "replaced outdated rules of a new profile");
    }
    Ok(())
}

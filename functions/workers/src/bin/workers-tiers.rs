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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, error, item, ok, tier};

    use super::*;

    /// The second revision of the tier `sample`, and a new profile with its first revision.
    const TIER: &str = include_str!("../../../../events/workers-tiers.json");
    const PROFILE: &str = include_str!("../../../../events/workers-tiers-profile.json");

    /// The record of an event.
    fn record(event: &str) -> Value {
        serde_json::from_str::<Value>(event).unwrap()["Records"][0].take()
    }

    async fn apply_to(aws: &FakeAws, record: Value) {
        apply(&aws.records(), &serde_json::from_value(record).unwrap()).await.unwrap();
    }

    fn key(pk: &str, sk: &str) -> Value {
        json!({"pk": {"S": pk}, "sk": {"S": sk}})
    }

    #[tokio::test]
    async fn a_changed_tier_reaches_its_users_and_those_whom_the_index_does_not_show_yet() {
        let mut counter = key("TIER_JOINS", "sample#");
        counter["moves"] = json!({"N": "1"});
        let joins = [counter, key("TIER_JOINS", "sample#user-1")];
        let aws = FakeAws::new([
            ok("Query", json!({"Items": joins})),
            ok("UpdateItem", json!({})),
            ok("Query", json!({"Items": [key("USER#user-2", "PROFILE")]})),
            // The profile has the new rules already.
            error("UpdateItem", "ConditionalCheckFailedException"),
        ]);
        apply_to(&aws, record(TIER)).await;
        assert_eq!(aws.operations(), ["Query", "UpdateItem", "Query", "UpdateItem"]);
        let calls = aws.calls();
        assert_eq!(calls[2].1["IndexName"], "by_tier");
        for (call, user) in [(1, "USER#user-1"), (3, "USER#user-2")] {
            let input = &calls[call].1;
            assert_eq!(input["Key"], key(user, "PROFILE"));
            let limits = &input["ExpressionAttributeValues"][":v0"]["M"];
            assert_eq!(
                (&limits["max_images"], &limits["revision"]),
                (&json!({"N": "200"}), &json!({"N": "2"}))
            );
        }
    }

    #[tokio::test]
    async fn a_new_profile_gets_rules_that_are_newer_than_its_own() {
        for (revision, operations) in [
            (1, vec!["TransactWriteItems", "GetItem"]),
            (2, vec!["TransactWriteItems", "GetItem", "UpdateItem"]),
        ] {
            let mut current = tier();
            (current["id"], current["revision"]) = (json!("sample"), json!(revision));
            let aws = FakeAws::new([
                ok("TransactWriteItems", json!({})),
                ok("GetItem", item(&current)),
                ok("UpdateItem", json!({})),
            ]);
            apply_to(&aws, record(PROFILE)).await;
            assert_eq!(aws.operations(), operations);
        }
    }

    #[tokio::test]
    async fn other_records_need_no_call() {
        let (mut image, mut deleting, mut removed) = (record(PROFILE), record(PROFILE), record(TIER));
        image["dynamodb"]["Keys"]["sk"] = json!({"S": "IMAGE#01JZ8Q4T2N6V5X3R9C7M1K0B8D"});
        deleting["dynamodb"]["NewImage"] = key("USER#user-1", "PROFILE");
        removed["eventName"] = json!("REMOVE");
        for record in [image, deleting, removed] {
            let aws = FakeAws::new([]);
            apply_to(&aws, record).await;
            assert!(aws.calls().is_empty());
        }
    }
}

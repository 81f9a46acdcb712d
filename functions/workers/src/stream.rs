//! Records of the table's stream.

use aws::CallError;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::UserId;
use serde::{Deserialize, de::DeserializeOwned};
use tracing::error;

/// The keys of the item that a record is about.
#[derive(Debug, Deserialize)]
pub struct Keys {
    pk: String,
    /// The sort key.
    pub sk: String,
}

impl Keys {
    /// The keys in a record.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the record has no such keys.
    pub fn of(record: &EventRecord) -> Result<Self, CallError> {
        serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)
    }

    /// The user in whose partition the item is, if it is the partition of a user.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the partition's user id is invalid.
    pub fn user(&self) -> Result<Option<UserId>, CallError> {
        self.pk.strip_prefix("USER#").map(|user| user.parse().map_err(CallError::internal)).transpose()
    }
}

/// The item after the change.
///
/// # Errors
/// [`CallError::Internal`] if the item does not have the form of a `T`.
pub fn new_item<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.new_image.clone()).map_err(CallError::internal)
}

/// The item before the change.
///
/// # Errors
/// [`CallError::Internal`] if the item does not have the form of a `T`.
pub fn old_item<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.old_image.clone()).map_err(CallError::internal)
}

/// Processes the records of a batch in order, and stops at the first failure. Lambda sends the rest of the batch again,
/// starting with the record that failed.
pub async fn process_in_order(
    event: Event,
    process: impl AsyncFn(&EventRecord) -> Result<(), CallError>,
) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    for record in event.records {
        if let Err(cause) = process(&record).await {
            let cause = aws::causes(&cause);
            error!(event_id = record.event_id, cause, "processing a stream record failed, will retry");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = record.change.sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_batch_stops_at_the_first_record_that_fails() {
        let record = |number: &str| json!({"eventID": number, "eventName": "REMOVE", "awsRegion": "us-east-1", "dynamodb": {"SequenceNumber": number, "SizeBytes": 1, "Keys": {}}});
        let event = json!({"Records": [record("1"), record("2"), record("3")]});
        let processed = RefCell::new(Vec::new());
        let response = process_in_order(serde_json::from_value(event).unwrap(), async |record| {
            processed.borrow_mut().push(record.event_id.clone());
            if record.event_id == "2" { Err(CallError::internal("no")) } else { Ok(()) }
        });
        let response = serde_json::to_value(response.await).unwrap();
        assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
        assert_eq!(processed.into_inner(), ["1", "2"]);
    }
}

//! Lambda's own dead letters about a stream. They contain no records, only the records' position in the stream (AWS Lambda
//! Developer Guide, "Retain discarded records for a DynamoDB event source in Lambda"). The stream keeps the records for 24
//! hours.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aws::Aws;

/// The position of a batch in a stream.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    stream_arn: String,
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
}

#[derive(Deserialize)]
struct Letter {
    #[serde(rename = "DDBStreamBatchInfo")]
    position: Position,
}

/// The position in a dead letter, if Lambda wrote the letter.
pub(super) fn of(letter: &str) -> Option<Position> {
    serde_json::from_str::<Letter>(letter).ok().map(|letter| letter.position)
}

impl Position {
    /// Reads the records of the batch, in the form of Lambda's events. They include records that the function's filter
    /// omits, which the function ignores.
    pub(super) fn records(&self, aws: &mut Aws) -> Result<Vec<Value>> {
        let start = json!({
            "StreamArn": self.stream_arn, "ShardId": self.shard_id,
            "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": self.start_sequence_number,
        });
        let mut iterator = aws.call("dynamodbstreams", "get_shard_iterator", start)?["ShardIterator"].take();
        let mut records = Vec::new();
        while iterator.is_string() {
            let mut page = aws.call("dynamodbstreams", "get_records", json!({"ShardIterator": iterator}))?;
            for record in page["Records"].as_array_mut().context("no list of records")? {
                let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default();
                if is_after(number, &self.end_sequence_number) {
                    return Ok(records);
                }
                let is_last = number == self.end_sequence_number;
                records.push(as_event(record.take())?);
                if is_last {
                    return Ok(records);
                }
            }
            iterator = page["NextShardIterator"].take();
        }
        Ok(records)
    }
}

/// Whether a sequence number follows another one. They are numbers with up to 40 digits.
fn is_after(number: &str, other: &str) -> bool {
    (number.len(), number) > (other.len(), other)
}

/// A record as Lambda sends it. The API writes some names with capital letters, and the bridge writes times as text.
/// Lambda writes seconds since 1970. The ids of deliveries contain this time, so it must be the same again.
fn as_event(mut record: Value) -> Result<Value> {
    if let Some(time) = record["dynamodb"].get_mut("ApproximateCreationDateTime") {
        let text = time.as_str().context("a time that is no text")?;
        *time = json!(text.parse::<Timestamp>()?.as_second());
    }
    if let Some(identity) = record.get_mut("userIdentity") {
        *identity = json!({"type": identity["Type"], "principalId": identity["PrincipalId"]});
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letter in AWS's documentation.
    const LETTER: &str = r#"{
        "requestContext": {
            "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
            "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:myfunction",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:13:49.717Z",
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000001573689847184-864758bb",
            "startSequenceNumber": "800000000003126276362",
            "endSequenceNumber": "800000000003126276362",
            "approximateArrivalOfFirstRecord": "2019-11-14T00:13:19Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:13:19Z",
            "batchSize": 1,
            "streamArn": "arn:aws:dynamodb:us-east-2:123456789012:table/mytable/stream/2019-11-14T00:04:06.388"
        }
    }"#;

    #[test]
    fn only_a_letter_of_lambda_has_a_position() {
        let position = of(LETTER).unwrap();
        assert_eq!(position.start_sequence_number, "800000000003126276362");
        assert!(of(include_str!("../../../events/workers-stream.json")).is_none());
        assert!(of("poison").is_none());
    }

    #[test]
    fn sequence_numbers_are_compared_as_numbers() {
        assert!(is_after("1000", "999") && is_after("1001", "1000"));
        assert!(!is_after("999", "1000") && !is_after("1000", "1000"));
    }

    #[test]
    fn a_record_gets_the_names_and_the_time_of_an_event() {
        let record = json!({
            "eventName": "REMOVE",
            "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
            "dynamodb": {"SequenceNumber": "1"},
        });
        let event = json!({
            "eventName": "REMOVE",
            "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
            "dynamodb": {"ApproximateCreationDateTime": 1_773_342_300, "SequenceNumber": "1"},
        });
        // Python writes the time in the time zone of the machine.
        for time in ["2026-03-12 19:05:00+00:00", "2026-03-12 20:05:00+01:00"] {
            let mut record = record.clone();
            record["dynamodb"]["ApproximateCreationDateTime"] = json!(time);
            assert_eq!(as_event(record).unwrap(), event);
        }
    }
}

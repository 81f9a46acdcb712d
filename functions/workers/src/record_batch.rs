//! Batches of stream records. A record that fails is sent to a queue, from which the same function receives it again,
//! so that it does not hold up the records after it.
//!
//! Lambda repeats a batch of a stream from the first record that failed, and reads no further until that record has
//! succeeded (AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda"). So a record
//! is reported as failed only if it could not be sent to the queue either, or if the records after it have to wait for
//! it.

use std::{
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::{Context, Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{error, warn};

use crate::{retry_delay, visibility::deliver_again};

/// How many records of a batch are processed at the same time.
pub const RECORDS_AT_ONCE: usize = 32;

/// The time that remains to report the outcomes before Lambda stops the request.
const RESERVE: Duration = Duration::from_secs(10);

/// An event with records of the stream, or with messages of the queue of failed records.
#[derive(Debug, Deserialize)]
pub struct RecordBatch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// The answer to Lambda: what it has to deliver again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    batch_item_failures: Vec<BatchItemFailure>,
}

/// A stream record by its sequence number, or a message by its id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

/// A message of the queue of failed records.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    #[serde(default)]
    receipt_handle: String,
    body: String,
    #[serde(default)]
    attributes: MessageAttributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageAttributes {
    #[serde(default)]
    approximate_receive_count: String,
}

/// Where a record came from.
#[derive(Debug)]
enum Source {
    Stream { sequence_number: String, json: String },
    Queue(Message),
}

/// Processes the records of a batch.
pub trait BatchWorker {
    /// The longest time for a batch of the stream. Records that take longer continue from the queue.
    const STREAM_LIMIT: Duration = Duration::from_secs(30);

    /// Processes the records, and stores the outcome of each.
    fn process(&self, records: &[EventRecord], outcomes: &Outcomes) -> impl Future<Output = ()>;
}

/// What became of the records of a batch.
#[derive(Debug)]
pub struct Outcomes {
    records: Mutex<Vec<Result<(), Failed>>>,
    limit: Duration,
}

/// A record failed.
#[derive(Clone, Debug)]
struct Failed {
    cause: String,
    /// Whether the records after it have to wait for it.
    is_held: bool,
}

impl Outcomes {
    fn new(records: usize, limit: Duration) -> Self {
        let failed = Failed { cause: "there was not enough time".to_owned(), is_held: false };
        Self { records: Mutex::new(vec![Err(failed); records]), limit }
    }

    /// How long the whole batch may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Stores that all records from this index on failed with the same cause, and that they have to be repeated in
    /// their order: Lambda delivers them again before it reads further. A record of the queue has no such order.
    pub fn hold_from(&self, index: usize, cause: &CallError) {
        let failed = Failed { cause: aws::causes(cause), is_held: true };
        let mut outcomes = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.iter_mut().skip(index).for_each(|outcome| *outcome = Err(failed.clone()));
    }

    /// Stores the outcome of the record with this index.
    pub fn set(&self, index: usize, outcome: Result<(), CallError>) {
        self.set_all([index], outcome);
    }

    /// Stores the common outcome of several records.
    pub fn set_all(&self, indexes: impl IntoIterator<Item = usize>, outcome: Result<(), CallError>) {
        let outcome = outcome.map_err(|cause| Failed { cause: aws::causes(&cause), is_held: false });
        let mut outcomes = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        for index in indexes {
            if let Some(place) = outcomes.get_mut(index) {
                place.clone_from(&outcome);
            }
        }
    }

    /// Processes a record and stores the outcome. A panic is an error of this record alone.
    pub async fn run(&self, index: usize, work: impl Future<Output = Result<(), CallError>>) {
        self.set(index, unpanicked(work).await);
    }
}

/// Does `work`, and returns an error if it panics.
///
/// # Errors
/// Those of `work`, and [`CallError::Internal`] after a panic.
pub async fn unpanicked<T>(work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(CallError::internal("processing the record panicked")))
}

/// The queue for stream records that failed.
#[derive(Debug)]
pub struct RetryQueue {
    sqs: Client,
    url: String,
    /// The pause before the first retry. It doubles with each retry.
    base_pause: Duration,
}

impl RetryQueue {
    /// Reads the queue's URL from this variable and the first pause from `RETRY_SECONDS`. Each worker has a variable of
    /// its own, because all functions share one environment under `cargo xtask watch`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`], or `RETRY_SECONDS` is not a number.
    pub fn from_env(config: &SdkConfig, variable: &'static str) -> Result<Self, Error> {
        let base_pause = Duration::from_secs(aws::var("RETRY_SECONDS")?.parse()?);
        Ok(Self::new(config, aws::var(variable)?, base_pause))
    }

    /// The queue with this URL.
    #[must_use]
    pub fn new(config: &SdkConfig, url: String, base_pause: Duration) -> Self {
        Self { sqs: Client::new(config), url, base_pause }
    }

    /// Lets a worker process the records of a batch that could be parsed. Records that fail are retried later from the
    /// queue.
    ///
    /// # Errors
    /// None. The return type is that of a Lambda handler.
    pub async fn process<W: BatchWorker>(
        &self,
        worker: &W,
        event: LambdaEvent<RecordBatch>,
    ) -> Result<BatchAnswer, Error> {
        let (batch, context) = event.into_parts();
        let (mut sources, mut records, mut unparsed) = (Vec::new(), Vec::new(), Vec::new());
        for record in batch.records {
            match parse(record) {
                (source, Ok(record)) => {
                    sources.push(source);
                    records.push(record);
                }
                (source, Err(cause)) => unparsed.push((source, cause)),
            }
        }
        let is_stream = sources.iter().any(|source| matches!(source, Source::Stream { .. }));
        let mut limit = remaining(&context);
        if is_stream {
            limit = limit.min(W::STREAM_LIMIT);
        }
        let outcomes = Outcomes::new(records.len(), limit);
        // Records without an outcome are retried.
        let _ = tokio::time::timeout(limit, worker.process(&records, &outcomes)).await;
        let outcomes = outcomes.records.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failed =
            sources.into_iter().zip(outcomes).filter_map(|(source, outcome)| Some((source, outcome.err()?)));
        let unparsed = unparsed.into_iter().map(|(source, cause)| (source, Failed { cause, is_held: false }));
        let failed = failed.chain(unparsed).map(|(source, failed)| self.retry_later(source, failed));
        let again: Vec<Option<BatchItemFailure>> =
            stream::iter(failed).buffered(RECORDS_AT_ONCE).collect().await;
        Ok(BatchAnswer { batch_item_failures: again.into_iter().flatten().collect() })
    }

    /// Lets a record be retried later. Returns what has to be reported to Lambda.
    async fn retry_later(
        &self,
        source: Source,
        Failed { cause, is_held }: Failed,
    ) -> Option<BatchItemFailure> {
        match source {
            Source::Stream { sequence_number, .. } if is_held => {
                warn!(sequence_number, cause, "processing a stream record failed, will retry the batch");
                Some(BatchItemFailure { item_identifier: sequence_number })
            }
            Source::Stream { sequence_number, json } => {
                warn!(sequence_number, cause, "processing a stream record failed, will retry from the queue");
                let pause = i32::try_from(self.base_pause.as_secs()).unwrap_or(0);
                let send = self.sqs.send_message().queue_url(&self.url).delay_seconds(pause);
                let error = send.message_body(json).send().await.err()?;
                let cause = aws::causes(&CallError::from(error));
                error!(
                    sequence_number,
                    cause, "could not send a stream record to the queue, will retry the batch"
                );
                Some(BatchItemFailure { item_identifier: sequence_number })
            }
            Source::Queue(message) => {
                let attempts = message.attributes.approximate_receive_count.parse().unwrap_or(1);
                let pause = retry_delay(self.base_pause, attempts);
                let seconds = pause.as_secs();
                warn!(
                    message_id = message.message_id,
                    attempts, cause, seconds, "processing a stream record failed again"
                );
                deliver_again(&self.sqs, &self.url, &message.receipt_handle, pause).await;
                Some(BatchItemFailure { item_identifier: message.message_id })
            }
        }
    }
}

/// Processes groups of records side by side, and the records of a group in their order.
pub async fn each_in_order<T>(groups: impl IntoIterator<Item = Vec<T>>, process: impl AsyncFn(T)) {
    let process = &process;
    stream::iter(groups)
        .for_each_concurrent(RECORDS_AT_ONCE, |group| async move {
            for record in group {
                process(record).await;
            }
        })
        .await;
}

/// Parses a record of the stream, or a message that contains one.
fn parse(delivered: Value) -> (Source, Result<EventRecord, String>) {
    let is_message = delivered["eventSource"] == "aws:sqs";
    if is_message && let Ok(message) = Message::deserialize(&delivered) {
        let record = serde_json::from_str(&message.body).map_err(|cause| cause.to_string());
        return (Source::Queue(message), record);
    }
    let sequence_number = delivered["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned();
    let json = delivered.to_string();
    let record = serde_json::from_value(delivered).map_err(|cause| cause.to_string());
    (Source::Stream { sequence_number, json }, record)
}

/// How long the records of a request can take before Lambda stops it.
fn remaining(context: &Context) -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(context.deadline).saturating_sub(now).saturating_sub(RESERVE)
}

#[cfg(test)]
mod tests;

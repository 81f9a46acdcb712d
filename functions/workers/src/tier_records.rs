//! Sends stream records about tiers and new profiles to the queue of `workers-tiers`.

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;

/// The queue of `workers-tiers`. That worker does not read the stream itself, because at most two functions may read it
/// ("LimitExceededException", Amazon DynamoDB Streams API Reference).
#[derive(Debug)]
pub struct TierRecords {
    sqs: Client,
    url: String,
}

impl TierRecords {
    /// Reads the URL of the queue from `TIERS_QUEUE`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("TIERS_QUEUE")?))
    }

    /// The queue with this URL.
    #[must_use]
    pub fn new(config: &SdkConfig, url: String) -> Self {
        Self { sqs: Client::new(config), url }
    }

    /// Sends a record. The worker writes limits only if they are newer, so a second message for the same record has no
    /// effect.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send(&self, record: &EventRecord) -> Result<(), CallError> {
        let body = serde_json::to_string(record).map_err(CallError::internal)?;
        self.sqs.send_message().queue_url(&self.url).message_body(body).send().await?;
        Ok(())
    }
}

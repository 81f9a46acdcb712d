//! The queue of uploads that could not be developed yet. `workers-thumbnail` reads it.

use std::time::Duration;

use aws::CallError;
use aws_lambda_events::sqs::SqsMessage;
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;

use crate::{UploadEvent, visibility::deliver_again};

/// The longest delay between two attempts at an upload.
const MAX_DELAY: Duration = Duration::from_secs(60 * 60);

/// The queue `UploadRetries`. Lambda sends events of `workers-thumbnail` there after the last attempt, and workers send
/// uploads there that have to wait or that no event announced.
#[derive(Debug)]
pub struct UploadRetries {
    sqs: Client,
    url: String,
}

impl UploadRetries {
    /// The queue with the URL in `UPLOAD_RETRIES`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("UPLOAD_RETRIES")?))
    }

    /// The queue with this URL.
    #[must_use]
    pub fn new(config: &SdkConfig, url: String) -> Self {
        Self { sqs: Client::new(config), url }
    }

    /// Sends an upload, to be developed after `delay`. A second message about the same upload has no further effect.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send(&self, upload: &UploadEvent, delay: Duration) -> Result<(), CallError> {
        // The maximum of SQS (Amazon SQS API Reference, "SendMessage").
        const MAX_SECONDS: u64 = 15 * 60;
        let seconds = i32::try_from(delay.as_secs().min(MAX_SECONDS)).unwrap_or_default();
        let send = self.sqs.send_message().queue_url(&self.url).message_body(upload.to_message().to_string());
        send.delay_seconds(seconds).send().await?;
        Ok(())
    }

    /// Makes SQS deliver a message again after `delay`. If that fails, SQS delivers the message after the visibility
    /// timeout of the queue.
    pub async fn postpone(&self, message: &SqsMessage, delay: Duration) {
        let Some(handle) = &message.receipt_handle else { return };
        let delay = delay.clamp(Duration::from_secs(1), MAX_DELAY);
        deliver_again(&self.sqs, &self.url, handle, delay).await;
    }
}

/// The delay after the delivery number `deliveries` of a message. It begins with `base` and doubles with each delivery, up
/// to an hour.
#[must_use]
pub fn retry_delay(base: Duration, deliveries: u32) -> Duration {
    base.saturating_mul(1 << deliveries.saturating_sub(1).min(20)).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_an_hour() {
        let base = Duration::from_secs(30);
        let delays = [1, 2, 3, 7, 8, 100].map(|deliveries| retry_delay(base, deliveries).as_secs());
        assert_eq!(delays, [30, 60, 120, 1920, 3600, 3600]);
    }

    #[test]
    fn a_message_gets_its_last_attempt_after_four_days_and_before_it_is_too_old() {
        let template = include_str!("../../../template.yaml");
        let number = |place: &str, name: &str| -> u64 {
            let rest = template.split_once(place).unwrap().1.split_once(name).unwrap().1;
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
        };
        let queue = "\n  UploadRetries: {Type: AWS::SQS::Queue, Properties: {<<: *retry-queue";
        let deliveries = u32::try_from(number(queue, "maxReceiveCount: ")).unwrap();
        let retention = Duration::from_secs(number("&retry-queue", "MessageRetentionPeriod: "));
        let base = Duration::from_secs(number("\n  UploadRetrySeconds:", "Default: "));
        let waited: Duration = (1..deliveries).map(|delivery| retry_delay(base, delivery)).sum();
        assert!(waited > Duration::from_secs(3 * 24 * 60 * 60), "{waited:?}");
        assert!(waited + Duration::from_secs(24 * 60 * 60) < retention, "{waited:?}");
    }
}

//! When SQS delivers a message again.

use std::time::Duration;

use aws::CallError;
use aws_sdk_sqs::Client;
use tracing::warn;

/// Makes SQS deliver a received message again after `delay`, at most twelve hours (Amazon SQS API Reference,
/// "ChangeMessageVisibility"). If that fails, SQS delivers the message after the visibility timeout of the queue.
pub(crate) async fn deliver_again(sqs: &Client, url: &str, receipt_handle: &str, delay: Duration) {
    const MAX_SECONDS: u64 = 12 * 60 * 60;
    let seconds = i32::try_from(delay.as_secs().min(MAX_SECONDS)).unwrap_or(1);
    let change = sqs.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
    if let Err(error) = change.visibility_timeout(seconds).send().await {
        let cause = aws::causes(&CallError::from(error));
        warn!(cause, "could not change visibility timeout, using the queue's default");
    }
}

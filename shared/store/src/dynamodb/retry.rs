//! Retries of writes of single items that conflict with a transaction.

use std::time::Duration;

use aws_sdk_dynamodb::{
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    error::ProvideErrorMetadata,
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
};

/// Makes the SDK retry such writes. DynamoDB refuses a write of an item that is in a transaction at that moment (Amazon
/// DynamoDB Developer Guide, "Transaction conflict handling in DynamoDB"). By default the SDK does not retry this error.
#[derive(Debug)]
pub(crate) struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error =
            context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let is_conflict = error.is_some_and(|error| {
            let update = error.downcast_ref::<UpdateItemError>().and_then(ProvideErrorMetadata::code);
            let put = error.downcast_ref::<PutItemError>().and_then(ProvideErrorMetadata::code);
            let delete = error.downcast_ref::<DeleteItemError>().and_then(ProvideErrorMetadata::code);
            update.or(put).or(delete) == Some("TransactionConflictException")
        });
        if is_conflict { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "conflicts with transactions"
    }
}

/// Sleeps for a random time, whose maximum doubles with each attempt.
pub(crate) async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..20 << attempt))).await;
}

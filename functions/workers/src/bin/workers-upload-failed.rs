//! Handles the on-failure queue of `workers-thumbnail`: marks the image of an upload as failed after all of Lambda's
//! attempts failed.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::{Failure, FailureCode};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use store::Records;
use tracing::{error, info};
use workers::S3Notification;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let records = Records::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| handle(&records, event))).await
}

/// What Lambda sends to the on-failure destination of an asynchronous invocation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedInvocation {
    request_payload: S3Notification,
}

async fn handle(records: &Records, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        let id = message.message_id.unwrap_or_default();
        if let Err(cause) = record_failure(records, &message.body.unwrap_or_default()).await {
            error!(
                message = id,
                cause = aws::causes(cause.as_ref()),
                "failed to record upload failure, will retry"
            );
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    Ok(response)
}

async fn record_failure(records: &Records, body: &str) -> Result<(), Error> {
    let failed: FailedInvocation = serde_json::from_str(body)?;
    let failure = Failure::new(
        FailureCode::ProcessingFailed,
        "The image could not be processed because of a fault on our side. Upload it again.",
    );
    for upload in failed.request_payload.uploads() {
        let outcome = records.mark_failed(&upload.key, &upload.sequencer, &failure, domain::now()).await?;
        info!(key = %upload.key, ?outcome, "processed the failure of an upload");
    }
    Ok(())
}

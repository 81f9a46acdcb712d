//! The on-failure queue of `workers-thumbnail`: tells the owner of an image whose upload was tried in vain
//! until Lambda gave up.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::Failure;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use store::Records;
use tracing::{error, info};
use workers::Notification;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let records = Records::from_env(&aws::config()?)?;
    lambda_runtime::run(service_fn(|event| handle(&records, event))).await
}

/// What Lambda sends to the on-failure destination of an asynchronous invocation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenUp {
    request_payload: Notification,
}

async fn handle(records: &Records, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let mut response = SqsBatchResponse::default();
    for message in event.payload.records {
        let id = message.message_id.unwrap_or_default();
        if let Err(cause) = tell(records, &message.body.unwrap_or_default()).await {
            error!(message = id, cause = aws::causes(cause.as_ref()), "to be tried again");
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    Ok(response)
}

async fn tell(records: &Records, body: &str) -> Result<(), Error> {
    let given_up: GivenUp = serde_json::from_str(body)?;
    let failure = Failure {
        code: "processing-failed".to_owned(),
        detail: "The image could not be processed because of a fault on our side. Upload it again."
            .to_owned(),
    };
    for upload in given_up.request_payload.uploads() {
        let outcome = records.mark_failed(&upload.key, &upload.sequencer, &failure, domain::now()).await?;
        info!(key = %upload.key, ?outcome, "given up");
    }
    Ok(())
}

//! Invokes `workers-render` and waits for its response.

use api::Problem;
use aws::CallError;
use aws_sdk_lambda::{
    Client, Config,
    config::{http::HttpResponse, retry::RetryConfig},
    error::SdkError,
    operation::invoke::{InvokeError, InvokeOutput},
    primitives::Blob,
};
use aws_types::SdkConfig;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The function `workers-render`.
#[derive(Debug)]
pub(crate) struct ResizeFunction {
    lambda: Client,
    name: String,
}

/// Why the function gave no result.
pub(crate) struct InvokeFailure {
    pub(crate) problem: Problem,
    /// Whether the worker did not start. It then never ends the claim.
    pub(crate) is_idle: bool,
}

impl ResizeFunction {
    pub(crate) fn new(config: &SdkConfig, name: String) -> Self {
        // A second attempt would run the worker a second time, while it still works on the first one.
        let config = Config::from(config)
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(aws::timeouts(None))
            .build();
        Self { lambda: Client::from_conf(config), name }
    }

    /// Sends an order, and returns the response.
    pub(crate) async fn invoke<T: DeserializeOwned>(&self, order: &Value) -> Result<T, InvokeFailure> {
        let call = self.lambda.invoke().function_name(&self.name).payload(Blob::new(order.to_string()));
        let answer = call.send().await.map_err(|error| {
            let is_idle = was_refused(&error);
            InvokeFailure { problem: CallError::from(error).into(), is_idle }
        })?;
        read(answer).map_err(|problem| InvokeFailure { problem, is_idle: false })
    }
}

/// Whether Lambda refused to run the function, for example because too many functions run.
fn was_refused(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(refusal) if refusal.raw().status().is_client_error())
}

fn read<T: DeserializeOwned>(answer: InvokeOutput) -> Result<T, Problem> {
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    if let Some(error) = answer.function_error {
        let cause = format!("workers-render: {error}: {}", String::from_utf8_lossy(&payload));
        return Err(CallError::Unavailable(cause.into()).into());
    }
    serde_json::from_slice(&payload).map_err(Problem::internal)
}

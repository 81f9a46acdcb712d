//! Code that only the endpoints of images use.

use api::{Problem, ProblemCode};
use aws::CallError;
use aws_sdk_lambda::{Client, Config, primitives::Blob};
use aws_types::SdkConfig;
use domain::{Failure, ObjectKey, Thumbnail};
use serde::Deserialize;
use serde_json::json;

/// Invokes `workers-resize` and waits for its response.
#[derive(Debug)]
pub struct ResizeWorker {
    lambda: Client,
    function: String,
}

/// The response of `workers-resize`.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Thumbnails(Vec<Thumbnail>),
    Failure(Failure),
}

impl ResizeWorker {
    /// The function that `RESIZE_FUNCTION` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("RESIZE_FUNCTION")?))
    }

    /// The function with this name.
    #[must_use]
    pub fn new(config: &SdkConfig, function: String) -> Self {
        // An invocation takes as long as the worker. A second attempt would start the worker again.
        let config = Config::from(config).to_builder().timeout_config(aws::timeouts(None)).build();
        Self { lambda: Client::from_conf(config), function }
    }

    /// Creates and stores thumbnails of an original.
    ///
    /// # Errors
    /// 409 `image-not-ready` if the original cannot be developed. 503 or 500 if the worker fails.
    pub async fn develop(&self, original: &ObjectKey, sizes: &[u32]) -> Result<Vec<Thumbnail>, Problem> {
        let payload = json!({"original": original.to_string(), "sizes": sizes}).to_string();
        let call = self.lambda.invoke().function_name(&self.function).payload(Blob::new(payload));
        let answer = call.send().await.map_err(CallError::from)?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if let Some(error) = answer.function_error {
            let cause = format!("workers-resize: {error}: {}", String::from_utf8_lossy(&payload));
            return Err(CallError::Unavailable(cause.into()).into());
        }
        match serde_json::from_slice(&payload).map_err(Problem::internal)? {
            Answer::Thumbnails(thumbnails) => Ok(thumbnails),
            Answer::Failure(failure) => Err(Problem::new(ProblemCode::ImageNotReady, failure.detail)),
        }
    }
}

//! Sends files with presigned uploads, as clients do.

use std::time::Duration;

use aws::CallError;
use bytes::Bytes;
use domain::PresignedUpload;
use reqwest::{Client, StatusCode, redirect::Policy};

use crate::outcome::{LineError, unavailable};

/// How long a file may take to reach S3.
const TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// An HTTP client.
#[derive(Debug)]
pub(crate) struct Uploader(Client);

impl Uploader {
    pub(crate) fn new() -> reqwest::Result<Self> {
        // Fails if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self(Client::builder().redirect(Policy::none()).timeout(TIMEOUT).build()?))
    }

    /// Sends a file. Succeeds if S3 already has it.
    pub(crate) async fn send(&self, upload: &PresignedUpload, bytes: Bytes) -> Result<(), LineError> {
        let mut request = self.0.put(&upload.url).body(bytes);
        for (name, value) in &upload.headers {
            // The client sets these two itself.
            if !["content-length", "host"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
                request = request.header(name, value);
            }
        }
        // The URL is a credential, so it must not be in the error.
        let answer = request.send().await.map_err(|error| unavailable(error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            // The object exists (Amazon S3 API Reference, "PutObject", If-None-Match).
            StatusCode::PRECONDITION_FAILED => Ok(()),
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 429) => {
                Err(unavailable(format!("S3 answered {status}")))
            }
            status => Err(CallError::internal(format!("S3 refused a file with {status}")).into()),
        }
    }
}

//! HTTP requests to providers, with limits on time and size.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::{ProviderError, response::Response};

/// An HTTP client. It does not follow redirects, so that keys are sent only to the configured address.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// The limits of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long to wait for the whole response.
    pub(crate) timeout: Duration,
    /// The longest response body, in bytes.
    pub(crate) max_bytes: usize,
}

impl Http {
    /// A client that trusts the system's root certificates. It accepts `http` addresses too, for example of a model on the
    /// same machine.
    ///
    /// # Errors
    /// The system has no root certificates.
    pub fn new() -> io::Result<Self> {
        let connector =
            HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Uploads a body to a presigned S3 URL, without a content type.
    ///
    /// # Errors
    /// [`ProviderError`] if S3 rejects the request. The error does not contain the URL, because the URL is a credential.
    pub async fn put_presigned(
        &self,
        url: &str,
        body: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<(), ProviderError> {
        const MAX_ANSWER_BYTES: usize = 16 * 1024;
        let request = Request::put(url)
            // The signature covers this header.
            .header(header::CONTENT_TYPE, "")
            .body(Full::new(body.into()))
            .map_err(|_| ProviderError::refused("the URL is invalid"))?;
        let answer = self.send(request, Limits { timeout, max_bytes: MAX_ANSWER_BYTES }).await?;
        if answer.status.is_success() { Ok(()) } else { Err(ProviderError::from_status(&answer, "")) }
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Response, ProviderError> {
        tokio::time::timeout(limits.timeout, self.exchange(request, limits.max_bytes))
            .await
            .unwrap_or_else(|_elapsed| Err(ProviderError::timeout()))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        max_bytes: usize,
    ) -> Result<Response, ProviderError> {
        let response = self.0.request(request).await.map_err(|error| ProviderError::unreachable(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProviderError::too_large()
            } else {
                ProviderError::unreachable(error.as_ref())
            }
        })?;
        Ok(Response { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

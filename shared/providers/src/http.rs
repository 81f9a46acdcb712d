//! Requests to providers: bounded in time and in what is read.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::ProviderError;

/// An HTTP client. It follows no redirects: a key goes to the address that was configured, or nowhere.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    /// The longest body that is read, in bytes.
    pub(crate) bytes: usize,
}

impl Http {
    /// A client that trusts the system's roots, and speaks plain HTTP where the address says so, as to a model on
    /// the same machine.
    ///
    /// # Errors
    /// Where the system has no roots.
    pub fn new() -> io::Result<Self> {
        let connector =
            HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Puts a body to a presigned address of S3, without a content type.
    ///
    /// # Errors
    /// [`ProviderError`] where it is not taken; the address is a credential and not part of it.
    pub async fn put_presigned(
        &self,
        url: &str,
        body: impl Into<Bytes>,
        time: Duration,
    ) -> Result<(), ProviderError> {
        const MAX_ANSWER_BYTES: usize = 16 * 1024;
        let request = Request::put(url)
            // Part of what was signed.
            .header(header::CONTENT_TYPE, "")
            .body(Full::new(body.into()))
            .map_err(|_| ProviderError::refused("the address is none"))?;
        let answer = self.send(request, Bounds { time, bytes: MAX_ANSWER_BYTES }).await?;
        if answer.status.is_success() { Ok(()) } else { Err(ProviderError::of_status(&answer, "")) }
    }

    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        bounds: Bounds,
    ) -> Result<Answer, ProviderError> {
        tokio::time::timeout(bounds.time, self.exchange(request, bounds.bytes))
            .await
            .unwrap_or_else(|_elapsed| Err(ProviderError::timeout()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, max: usize) -> Result<Answer, ProviderError> {
        let response = self.0.request(request).await.map_err(|error| ProviderError::unreachable(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ProviderError::too_large()
            } else {
                ProviderError::unreachable(error.as_ref())
            }
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

impl Answer {
    /// A header's value, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

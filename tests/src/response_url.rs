//! The address to which a custom resource of CloudFormation sends its response.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::until;

/// A server that accepts a PUT, as S3 does at a presigned address.
#[derive(Debug)]
pub struct ResponseUrl {
    /// Its address.
    pub address: String,
    answer: Arc<Mutex<Option<CustomResourceAnswer>>>,
}

/// The received request.
#[derive(Clone, Debug)]
pub struct CustomResourceAnswer {
    /// The header with this name, if there was one.
    pub content_type: Option<String>,
    /// The body.
    pub body: Value,
}

impl ResponseUrl {
    /// Starts the server.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}/response?signature=x", listener.local_addr()?);
        let answer = Arc::<Mutex<_>>::default();
        let taken = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let taken = Arc::clone(&taken);
                let take = service_fn(move |request| take(request, Arc::clone(&taken)));
                // The function may end at any time.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), take).await;
            }
        });
        Ok(Self { address, answer })
    }

    /// Waits for the response.
    ///
    /// # Errors
    /// If none arrives in time.
    pub async fn answer(&self) -> Result<CustomResourceAnswer> {
        until("the answer to CloudFormation", async || {
            Ok(self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone())
        })
        .await
        .with_context(|| self.address.clone())
    }
}

async fn take(
    request: Request<Incoming>,
    taken: Arc<Mutex<Option<CustomResourceAnswer>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_put = request.method() == Method::PUT;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let mut response = Response::new(Full::default());
    match body.ok().and_then(|body| serde_json::from_slice(&body).ok()) {
        Some(body) if is_put => {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(CustomResourceAnswer { content_type, body });
        }
        _ => *response.status_mut() = http::StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

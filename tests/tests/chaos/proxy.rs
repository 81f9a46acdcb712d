//! Proxies between the functions and DynamoDB, S3 and SQS. They inject the current fault into calls.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;

/// A service that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    DynamoDb,
    S3,
    Sqs,
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The service throttles.
    Throttled,
    /// The service has an internal error.
    Broken,
    /// A transaction uses the item. Only DynamoDB has this.
    Conflict,
    /// The connection ends before the call was made.
    Unreachable,
    /// There is no answer, and the call is not made.
    Silence,
    /// The call is made, and its answer is lost.
    LostAnswer,
}

/// The current fault, and what happened so far.
#[derive(Debug)]
pub(crate) struct State {
    rng: fastrand::Rng,
    /// The service, the fault, and the share of calls that fail.
    pub(crate) fault: Option<(Service, Fault, f64)>,
    /// How many calls each fault made fail.
    pub(crate) counts: BTreeMap<(Service, Fault), usize>,
    /// How many functions were killed.
    pub(crate) kills: usize,
}

/// The state that all proxies share.
pub(crate) type SharedState = Arc<Mutex<State>>;

/// No fault yet.
pub(crate) fn state(seed: u64) -> SharedState {
    let rng = fastrand::Rng::with_seed(seed);
    Arc::new(Mutex::new(State { rng, fault: None, counts: BTreeMap::new(), kills: 0 }))
}

/// Locks the state. No code panics while it holds the lock.
pub(crate) fn lock(state: &SharedState) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A proxy for one service.
#[derive(Clone, Debug)]
struct Proxy {
    service: Service,
    upstream: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    state: SharedState,
}

/// Starts a proxy for a service, and returns its address.
pub(crate) async fn start(service: Service, upstream: &str, state: &SharedState) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Proxy { service, upstream: upstream.parse()?, client, state: state.clone() };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let proxy = proxy.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let proxy = proxy.clone();
                    async move { proxy.answer(request).await }
                });
                // A client may close the connection at any time, and a fault ends it.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    Ok(address)
}

impl Proxy {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let Some(fault) = self.fault_for(request.headers()) else { return self.forward(request).await };
        match fault {
            Fault::Unreachable => Err(io::ErrorKind::ConnectionReset.into()),
            Fault::Silence => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                Err(io::ErrorKind::TimedOut.into())
            }
            Fault::LostAnswer => {
                self.forward(request).await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Fault::Throttled | Fault::Broken | Fault::Conflict => {
                let (status, body) = error(self.service, fault, operation(request.headers()));
                // S3 reads the whole body before it answers.
                let _ = request.into_body().collect().await;
                let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                Ok(response)
            }
        }
    }

    fn fault_for(&self, headers: &HeaderMap) -> Option<Fault> {
        let mut state = lock(&self.state);
        let (service, fault, share) = state.fault?;
        let can_conflict =
            matches!(operation(headers), "TransactWriteItems" | "PutItem" | "UpdateItem" | "DeleteItem");
        if service != self.service || state.rng.f64() >= share || (fault == Fault::Conflict && !can_conflict)
        {
            return None;
        }
        *state.counts.entry((service, fault)).or_default() += 1;
        Some(fault)
    }

    async fn forward(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.pass_on(head, body).await.map_err(io::Error::other)
    }

    async fn pass_on(&self, mut head: Parts, body: Bytes) -> Result<Response<Full<Bytes>>> {
        let mut uri = self.upstream.clone().into_parts();
        uri.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(uri)?;
        let request = Request::from_parts(head, Full::new(body));
        let (head, body) = self.client.request(request).await.context("forwarding")?.into_parts();
        Ok(Response::from_parts(head, Full::new(body.collect().await?.to_bytes())))
    }
}

/// The operation of a JSON protocol, or nothing for S3.
fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.and_then(|target| target.split_once('.')).map_or("", |(_, operation)| operation)
}

/// The status and the body of an error of a service.
fn error(service: Service, fault: Fault, operation: &str) -> (u16, &'static str) {
    match (service, fault) {
        (Service::S3, Fault::Throttled) => (
            503,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>slow down</Message></Error>",
        ),
        (Service::S3, _) => (
            500,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InternalError</Code><Message>oops</Message></Error>",
        ),
        (Service::Sqs, Fault::Throttled) => {
            (400, r#"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#)
        }
        (Service::Sqs, _) => (500, r#"{"__type":"com.amazonaws.sqs#InternalFailure","message":"oops"}"#),
        // The names of these errors are those of the "Amazon DynamoDB API Reference".
        (Service::DynamoDb, Fault::Throttled) => (
            400,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
        ),
        (Service::DynamoDb, Fault::Conflict) if operation == "TransactWriteItems" => (
            400,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"}]}"#,
        ),
        (Service::DynamoDb, Fault::Conflict) => (
            400,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}"#,
        ),
        (Service::DynamoDb, _) => {
            (500, r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}"#)
        }
    }
}

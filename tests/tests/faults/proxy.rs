//! A proxy between a function and the stack's AWS that injects errors.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::Value;
use tokio::net::TcpListener;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The response has this status and body.
    Answer(u16, &'static str),
    /// There is no response.
    Silence,
    /// The service does what the request asks, but there is no response.
    Unheard,
    /// The service does what the request asks, but the connection breaks before the response arrives.
    Lost,
    /// DynamoDB repeats its first response to a query, like an index that lags behind its table. Consistent reads, which
    /// an index does not allow, are not affected.
    Outdated,
}

impl Fault {
    /// DynamoDB throttles.
    pub(crate) const DYNAMODB_THROTTLES: Self = Self::Answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
    );
    /// A transaction uses the item.
    pub(crate) const CONFLICT: Self = Self::Answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}"#,
    );
    /// Another transaction uses one of the items ("TransactWriteItems", Amazon DynamoDB API Reference).
    pub(crate) const TRANSACTION_CONFLICT: Self = Self::Answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]","CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},{"Code":"None"}]}"#,
    );
    /// Cognito throttles.
    pub(crate) const COGNITO_THROTTLES: Self =
        Self::Answer(400, r#"{"__type":"TooManyRequestsException","message":"Rate exceeded"}"#);
    /// Cognito's default sender has reached its daily limit (the message is Cognito's).
    pub(crate) const COGNITO_SENDS_NO_MORE: Self = Self::Answer(
        400,
        r#"{"__type":"LimitExceededException","message":"Exceeded daily email limit for the operation or the account. If a higher limit is required, please configure your user pool to use your own Amazon SES configuration for sending email from your own account."}"#,
    );
    /// A user tried something too often.
    pub(crate) const COGNITO_LIMITS_ATTEMPTS: Self = Self::Answer(
        400,
        r#"{"__type":"LimitExceededException","message":"Attempt limit exceeded, please try after some time."}"#,
    );
    /// DynamoDB will never accept the transaction.
    pub(crate) const TRANSACTION_INVALID: Self = Self::Answer(
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [ValidationError]","CancellationReasons":[{"Code":"ValidationError","Message":"Item size has exceeded the maximum allowed size"}]}"#,
    );
    /// DynamoDB will never accept the request.
    pub(crate) const INVALID: Self =
        Self::Answer(400, r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}"#);
    /// S3 throttles.
    pub(crate) const S3_THROTTLES: Self = Self::Answer(
        503,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code><Message>slow down</Message></Error>",
    );
    /// The service has an internal error.
    pub(crate) const BROKEN: Self = Self::Answer(500, r#"{"__type":"InternalServerError","message":"oops"}"#);
}

#[derive(Debug)]
struct Plan {
    fault: Fault,
    /// The number of calls that will still fail.
    failing: usize,
    calls: usize,
    /// The operation's requests that were forwarded.
    forwarded: Vec<Bytes>,
    /// The first response to each query.
    answers: HashMap<String, Response<Full<Bytes>>>,
    /// The transactions that were written, by their token.
    written: HashMap<String, (Value, Response<Full<Bytes>>)>,
}

/// A running proxy.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    /// Its address.
    pub(crate) address: String,
    upstream: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The operation that fails, such as `GetItem`, or S3's method, such as `GET`.
    operation: &'static str,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    /// Lets `failing` calls of one operation fail, and forwards all others.
    pub(crate) async fn start(
        upstream: &str,
        operation: &'static str,
        fault: Fault,
        failing: usize,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self {
            address: format!("http://{}", listener.local_addr()?),
            upstream: upstream.parse()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
            operation,
            plan: Arc::new(Mutex::new(Plan {
                fault,
                failing,
                calls: 0,
                forwarded: Vec::new(),
                answers: HashMap::new(),
                written: HashMap::new(),
            })),
        };
        let served = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = served.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| {
                        let proxy = proxy.clone();
                        async move { proxy.answer(request).await }
                    });
                    // A client may close the connection at any time.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Ok(proxy)
    }

    /// The number of calls of the operation.
    pub(crate) fn calls(&self) -> usize {
        self.plan().calls
    }

    /// The bodies of the operation's requests that reached the stack.
    pub(crate) fn forwarded(&self) -> Vec<Bytes> {
        self.plan().forwarded.clone()
    }

    /// The response, or an error that closes the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        Ok(match self.fault_of(&request) {
            None => self.forward(request).await.unwrap_or_else(unreachable),
            Some(Fault::Outdated) => self.first_answer(request).await.unwrap_or_else(unreachable),
            Some(fault @ (Fault::Silence | Fault::Unheard)) => {
                if fault == Fault::Unheard {
                    self.forward(request).await.unwrap_or_else(unreachable);
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
                response(StatusCode::GATEWAY_TIMEOUT, Bytes::new())
            }
            Some(Fault::Lost) => {
                self.forward(request).await.unwrap_or_else(unreachable);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Some(Fault::Answer(status, body)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                response(status, Bytes::from_static(body.as_bytes()))
            }
        })
    }

    fn fault_of(&self, request: &Request<Incoming>) -> Option<Fault> {
        if operation(request.headers(), request.method()) != self.operation {
            return None;
        }
        let mut plan = self.plan();
        plan.calls += 1;
        plan.failing = plan.failing.checked_sub(1)?;
        Some(plan.fault)
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        match operation(&head.headers, &head.method) {
            "TransactWriteItems" => self.transact(head, body).await,
            _ => self.pass_on(head, body).await,
        }
    }

    /// A repeated transaction with the same token is not written again. The emulator ignores the token, so this follows
    /// AWS's description ("TransactWriteItems", Amazon DynamoDB API Reference, `ClientRequestToken`).
    async fn transact(&self, head: Parts, body: Bytes) -> Result<Response<Full<Bytes>>> {
        let asked: Value = serde_json::from_slice(&body)?;
        let token = asked["ClientRequestToken"].as_str().context("a transaction without a token")?.to_owned();
        let written = self.plan().written.get(&token).cloned();
        if let Some((first, answer)) = written {
            let mismatch = r#"{"__type":"IdempotentParameterMismatchException"}"#;
            let refusal = response(StatusCode::BAD_REQUEST, Bytes::from_static(mismatch.as_bytes()));
            return Ok(if first == asked { answer } else { refusal });
        }
        let answer = self.pass_on(head, body).await?;
        if answer.status().is_success() {
            self.plan().written.insert(token, (asked, answer.clone()));
        }
        Ok(answer)
    }

    /// Repeats the first response to a query. Queries that differ only in the current time count as the same.
    async fn first_answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut asked: Value = serde_json::from_slice(&body)?;
        if asked["ConsistentRead"] == true {
            return self.pass_on(head, body).await;
        }
        asked["ExpressionAttributeValues"][":now"].take();
        let asked = asked.to_string();
        if let Some(answer) = self.plan().answers.get(&asked) {
            return Ok(answer.clone());
        }
        let answer = self.pass_on(head, body).await?;
        self.plan().answers.insert(asked, answer.clone());
        Ok(answer)
    }

    async fn pass_on(&self, mut head: Parts, body: Bytes) -> Result<Response<Full<Bytes>>> {
        let mut uri = self.upstream.clone().into_parts();
        uri.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(uri)?;
        if operation(&head.headers, &head.method) == self.operation {
            self.plan().forwarded.push(body.clone());
        }
        let request = Request::from_parts(head, Full::new(body));
        let (head, body) = self.client.request(request).await.context("forwarding")?.into_parts();
        Ok(Response::from_parts(head, Full::new(body.collect().await?.to_bytes())))
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operation of a JSON protocol, or else the method.
fn operation<'a>(headers: &'a HeaderMap, method: &'a Method) -> &'a str {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.split_once('.')) {
        Some((_, operation)) => operation,
        None => method.as_str(),
    }
}

fn unreachable(error: anyhow::Error) -> Response<Full<Bytes>> {
    eprintln!("the proxy cannot reach the stack: {error:#}");
    response(StatusCode::BAD_GATEWAY, Bytes::new())
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

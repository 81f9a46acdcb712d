//! A receiver of webhooks.

use std::{
    collections::HashSet,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};

use crate::until;

/// Returns the status of the answer to the newest of these requests.
type Answer = dyn Fn(&[Received]) -> StatusCode + Send + Sync;

/// A server that keeps the requests that it receives.
#[derive(Debug)]
pub struct Receiver {
    /// Its address.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: String,
}

impl Received {
    /// The event in the body.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn event(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.body)?)
    }

    /// A header of the request.
    ///
    /// # Errors
    /// If there is none.
    pub fn header(&self, name: &str) -> Result<&str> {
        let value = self.headers.get(name).with_context(|| format!("no header {name}"))?;
        Ok(value.to_str()?)
    }
}

impl Receiver {
    /// Starts a server that answers with these statuses, one after the other. It repeats the last one.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start<const N: usize>(statuses: [u16; N]) -> Result<Self> {
        Self::slow(statuses, Duration::ZERO).await
    }

    /// The same, but the server waits before each answer.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn slow<const N: usize>(statuses: [u16; N], after: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::listen(listener, statuses, after)
    }

    /// A server that refuses the first attempt of each of the first `count` events, with 503.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn refusing_first(count: usize) -> Result<Self> {
        let answer = move |received: &[Received]| {
            let ids: Vec<_> = received.iter().map(|request| request.headers.get("webhook-id")).collect();
            let is_first = ids.iter().rev().skip(1).all(|id| Some(id) != ids.last());
            let events: HashSet<_> = ids.into_iter().collect();
            if is_first && events.len() <= count {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::NO_CONTENT
            }
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::answering(listener, Arc::new(answer), Duration::ZERO)
    }

    fn listen<const N: usize>(listener: TcpListener, statuses: [u16; N], after: Duration) -> Result<Self> {
        let statuses = statuses.map(StatusCode::from_u16).into_iter().collect::<Result<Vec<_>, _>>()?;
        let answer = move |received: &[Received]| {
            statuses.get(received.len() - 1).or(statuses.last()).copied().unwrap_or_default()
        };
        Self::answering(listener, Arc::new(answer), after)
    }

    fn answering(listener: TcpListener, answer: Arc<Answer>, after: Duration) -> Result<Self> {
        let url = url_of(listener.local_addr()?);
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let taken = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, answer) = (Arc::clone(&taken), Arc::clone(&answer));
                let take =
                    service_fn(move |request| take(request, Arc::clone(&taken), Arc::clone(&answer), after));
                tokio::spawn(async move {
                    // The sender may leave at any time.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), take).await;
                });
            }
        });
        Ok(Self { url, received })
    }

    /// The requests so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this many requests have come, and returns all requests.
    ///
    /// # Errors
    /// If they do not come in time.
    pub async fn receives(&self, count: usize) -> Result<Vec<Received>> {
        until("a delivery", async || {
            let received = self.received();
            Ok((received.len() >= count).then_some(received))
        })
        .await
    }
}

/// A receiver that is down: its port refuses connections.
#[derive(Debug)]
pub struct ClosedReceiver {
    /// Its address.
    pub url: String,
    socket: TcpSocket,
}

impl ClosedReceiver {
    /// Takes a port and does not listen to it, so no other program can take the port meanwhile.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn new() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { url: url_of(socket.local_addr()?), socket })
    }

    /// Starts the server, which answers as that of [`Receiver::start`].
    ///
    /// # Errors
    /// If the system does not let it listen.
    pub fn open<const N: usize>(self, statuses: [u16; N]) -> Result<Receiver> {
        // More connections than workers run at the same time.
        const BACKLOG: u32 = 128;
        Receiver::listen(self.socket.listen(BACKLOG)?, statuses, Duration::ZERO)
    }
}

fn url_of(address: SocketAddr) -> String {
    format!("http://{address}/hook")
}

async fn take(
    request: Request<Incoming>,
    taken: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Answer>,
    after: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    let status = {
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(Received { headers, body });
        answer(&taken)
    };
    tokio::time::sleep(after).await;
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if status.is_redirection() {
        response.headers_mut().insert(header::LOCATION, header::HeaderValue::from_static("/elsewhere"));
    }
    Ok(response)
}

//! Delivers events to webhooks: signs them as Standard Webhooks specifies, and reaches only public addresses.
//!
//! Users choose the addresses, so a request must not reach the machine itself, its network, or a service of the cloud.
//! A host is resolved for each attempt, and the connection goes to one of the addresses that were checked. So a name
//! cannot lead to another address between the check and the connection.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::{Attempt, AttemptError, InvalidField, Timestamp, WebhookSecrets, WebhookUrl, is_public};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use standardwebhooks::Webhook;
use tower_service::Service;

use crate::error::retry_after;

/// How long an attempt may take, until the head of the answer has arrived.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// How long the addresses of a new webhook may take to resolve.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Which addresses a deployment delivers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// `https` and public addresses.
    Public,
    /// Also `http`, and addresses of the machine and of private networks. Only for a stack on the developer's machine.
    Any,
}

impl Reach {
    /// Reads `WEBHOOK_ADDRESSES`: `public` or `any`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env() -> Result<Self, aws::MissingVariable> {
        Ok(if aws::var("WEBHOOK_ADDRESSES")? == "any" { Self::Any } else { Self::Public })
    }

    /// Checks the address of a new webhook, and the addresses to which its host resolves.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub async fn check(self, url: &WebhookUrl) -> Result<(), InvalidField> {
        uri(url).ok_or_else(|| {
            InvalidField::from("contains characters that have to be encoded, such as %7B for {")
        })?;
        if self == Self::Any {
            return Ok(());
        }
        url.require_public()?;
        let Some((name, port)) = url.name_and_port() else { return Ok(()) };
        let resolved = tokio::time::timeout(RESOLVE_TIMEOUT, lookup(format!("{name}:{port}"))).await;
        let addresses = resolved.ok().and_then(Result::ok).unwrap_or_default();
        if addresses.is_empty() {
            return Err("must have a host that can be resolved".into());
        }
        if !addresses.iter().all(|address| is_public(address.ip())) {
            return Err("must not be an address of a private network".into());
        }
        Ok(())
    }
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempted {
    /// What the owner sees.
    pub attempt: Attempt,
    /// How long the receiver asks to wait, if it does.
    pub retry_after: Option<Duration>,
}

impl Attempted {
    /// Whether the receiver wants no more deliveries (Standard Webhooks, "Sender", status 410).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.attempt.status == Some(StatusCode::GONE.as_u16())
    }
}

/// A client that delivers events.
#[derive(Debug)]
pub struct WebhookClient {
    http: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
    timeout: Duration,
}

impl WebhookClient {
    /// A client that trusts the system's root certificates. It follows no redirects and keeps no connection open.
    ///
    /// # Errors
    /// The system has no root certificates.
    pub fn new(reach: Reach) -> io::Result<Self> {
        Self::with_lookup(reach, |host| Box::pin(lookup(host)))
    }

    fn with_lookup(reach: Reach, lookup: Lookup) -> io::Result<Self> {
        let mut connector = HttpConnector::new_with_resolver(Resolver { lookup, reach });
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(TIMEOUT));
        let builder = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1();
        // A connection that stays open would skip the check of the address.
        let http = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            // By default, hyper reads some 400 KB before it gives up. With `http1_max_buf_size`, its buffer can
            // grow to almost twice that size.
            .http1_read_buf_exact_size(MAX_HEAD)
            .build(builder.wrap_connector(connector));
        Ok(Self { http, reach, timeout: TIMEOUT })
    }

    /// Makes one attempt to deliver `body`. `id` is the id of the event.
    pub async fn deliver(
        &self,
        url: &WebhookUrl,
        id: &str,
        secrets: &WebhookSecrets,
        body: Bytes,
    ) -> Attempted {
        let (at, start) = (domain::now(), Instant::now());
        let answer = tokio::time::timeout(self.timeout, self.exchange(url, id, secrets, body, at)).await;
        let answer = answer.unwrap_or(Err(AttemptError::Timeout));
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (status, error, retry_after) = match answer {
            Err(error) => (None, Some(error), None),
            Ok((status, headers)) => (Some(status.as_u16()), error_of(status), asked_pause(&headers, at)),
        };
        Attempted { attempt: Attempt { at, duration_ms, status, error }, retry_after }
    }

    /// Sends the request and returns the head of the answer. The body of the answer has no meaning: dropping it closes
    /// the connection, so at most what the connection has buffered is read.
    async fn exchange(
        &self,
        url: &WebhookUrl,
        id: &str,
        secrets: &WebhookSecrets,
        body: Bytes,
        now: Timestamp,
    ) -> Result<(StatusCode, HeaderMap), AttemptError> {
        // An address that is no name is not resolved, so the connection would not check it.
        if self.reach == Reach::Public && url.require_public().is_err() {
            return Err(AttemptError::AddressRefused);
        }
        let signature = signatures(secrets, id, now, &body).ok_or(AttemptError::Internal)?;
        let request = Request::post(uri(url).ok_or(AttemptError::Internal)?)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("Darkroom/", env!("CARGO_PKG_VERSION")))
            .header(standardwebhooks::HEADER_WEBHOOK_ID, id)
            .header(standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, now.as_second())
            .header(standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature)
            .body(Full::new(body))
            .map_err(|_| AttemptError::Internal)?;
        let answer = self.http.request(request).await.map_err(|error| cause_of(&error))?;
        Ok((answer.status(), answer.headers().clone()))
    }
}

/// The address in the form of the HTTP client. `None` if it has characters that have to be encoded.
fn uri(url: &WebhookUrl) -> Option<Uri> {
    url.as_str().parse().ok()
}

/// The value of `webhook-signature`: a signature with each valid secret. `None` only if a stored secret is damaged.
fn signatures(secrets: &WebhookSecrets, id: &str, now: Timestamp, body: &[u8]) -> Option<String> {
    let signatures = secrets.valid(now).map(|secret| {
        let webhook = Webhook::new(secret.reveal()).ok()?;
        webhook.sign(id, now.as_second(), body).ok()
    });
    Some(signatures.collect::<Option<Vec<_>>>()?.join(" "))
}

fn error_of(status: StatusCode) -> Option<AttemptError> {
    match status {
        status if status.is_success() => None,
        status if status.is_redirection() => Some(AttemptError::Redirect),
        _ => Some(AttemptError::Status),
    }
}

fn asked_pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    retry_after(headers.get(header::RETRY_AFTER)?.to_str().ok()?, now)
}

/// Why a request has no answer.
fn cause_of(error: &(dyn std::error::Error + 'static)) -> AttemptError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let refused = causes.filter_map(|error| error.downcast_ref::<NoAddress>()).next();
    match refused {
        Some(NoAddress::Private) => AttemptError::AddressRefused,
        Some(NoAddress::NotResolved) => AttemptError::NotResolved,
        None => AttemptError::NotConnected,
    }
}

/// Finds the addresses of a host.
type Lookup = fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

async fn lookup(host: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host(host).await?.collect())
}

/// Resolves hosts, and refuses a host with a private address.
#[derive(Clone, Debug)]
struct Resolver {
    lookup: Lookup,
    reach: Reach,
}

/// A host has no address to which the client may connect.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum NoAddress {
    #[error("the host has a private address")]
    Private,
    #[error("the host could not be resolved")]
    NotResolved,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NoAddress;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoAddress>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoAddress>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // The client sets the port afterwards.
        let (lookup, reach) = ((self.lookup)(format!("{}:0", name.as_str())), self.reach);
        Box::pin(async move {
            let addresses = lookup.await.map_err(|_| NoAddress::NotResolved)?;
            if addresses.is_empty() {
                return Err(NoAddress::NotResolved);
            }
            let is_allowed = |address: &SocketAddr| reach == Reach::Any || is_public(address.ip());
            if addresses.iter().all(is_allowed) { Ok(addresses.into_iter()) } else { Err(NoAddress::Private) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use domain::WebhookSecret;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const OK: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

    /// A receiver that answers each request with `answer`, and keeps the last request. Returns its port, and the number
    /// of connections.
    async fn receiver(answer: &'static str) -> (u16, Arc<AtomicUsize>, tokio::sync::watch::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, (sender, requests)) = (connections.clone(), tokio::sync::watch::channel(String::new()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                sender.send_replace(request(&mut stream).await);
                let _ = stream.write_all(answer.as_bytes()).await;
                // Some answers do not end.
                if !answer.contains("connection: close") {
                    while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                }
            }
        });
        (port, connections, requests)
    }

    /// Reads a request with a body.
    async fn request(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let read = stream.read(&mut part).await.unwrap_or_default();
            bytes.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                body.len() == length.and_then(|length| length.parse().ok()).unwrap_or(0)
            });
            if read == 0 || is_whole {
                return text;
            }
        }
    }

    fn url(text: &str) -> WebhookUrl {
        text.to_owned().try_into().unwrap()
    }

    async fn deliver(client: &WebhookClient, address: &str) -> Attempted {
        client.deliver(&url(address), "evt_1", &WebhookSecrets::new(), Bytes::from_static(b"{}")).await
    }

    fn any() -> WebhookClient {
        WebhookClient::new(Reach::Any).unwrap()
    }

    #[tokio::test]
    async fn both_secrets_verify_a_delivery_after_a_rotation_and_a_changed_byte_does_not() {
        let (port, _, requests) = receiver(OK).await;
        let first = WebhookSecrets::new();
        let second = first.clone().rotated(WebhookSecret::generate(), domain::now());
        let body = r#"{"type":"image.ready"}"#;
        let address = url(&format!("http://127.0.0.1:{port}/hook?a=b"));
        let attempted = any().deliver(&address, "evt_1", &second, Bytes::from(body)).await;
        assert_eq!((attempted.attempt.status, attempted.attempt.error), (Some(204), None));
        let request = requests.borrow().clone();
        let (head, sent) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
        assert_eq!(sent, body);
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(": ").unwrap();
            headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        for secret in [&first.current, &second.current] {
            Webhook::new(secret.reveal()).unwrap().verify(sent.as_bytes(), &headers).unwrap();
        }
        let third = WebhookSecrets::new();
        let verify =
            |secret: &str, body: &str| Webhook::new(secret).unwrap().verify(body.as_bytes(), &headers);
        assert!(verify(third.current.reveal(), sent).is_err());
        assert!(verify(second.current.reveal(), &sent.replace("ready", "Ready")).is_err());
    }

    #[test]
    fn the_old_secret_signs_nothing_after_a_day() {
        let rotated_at = Timestamp::from_second(1_773_342_300).unwrap();
        let secrets = WebhookSecrets::new().rotated(WebhookSecret::generate(), rotated_at);
        let at = |seconds| Timestamp::from_second(1_773_342_300 + seconds).unwrap();
        let count = |seconds| {
            let signatures = signatures(&secrets, "evt_1", at(seconds), b"{}").unwrap();
            signatures.split(' ').filter(|signature| signature.starts_with("v1,")).count()
        };
        assert_eq!((count(0), count(WebhookSecrets::ROTATION_SECONDS)), (2, 1));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_success_is_told() {
        for (answer, status, error) in [
            ("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n", 500, AttemptError::Status),
            ("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n", 404, AttemptError::Status),
            (
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n",
                302,
                AttemptError::Redirect,
            ),
        ] {
            let (port, connections, _) = receiver(answer).await;
            let attempted = deliver(&any(), &format!("http://127.0.0.1:{port}/")).await;
            assert_eq!((attempted.attempt.status, attempted.attempt.error), (Some(status), Some(error)));
            assert_eq!(connections.load(Ordering::SeqCst), 1);
        }
    }

    #[tokio::test]
    async fn the_receiver_can_ask_for_a_pause_and_can_be_gone() {
        let answer = "HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\nconnection: close\r\n\r\n";
        let (port, ..) = receiver(answer).await;
        let attempted = deliver(&any(), &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!((attempted.retry_after, attempted.is_gone()), (Some(Duration::from_secs(7)), false));
        let (port, ..) = receiver("HTTP/1.1 410 Gone\r\nconnection: close\r\n\r\n").await;
        assert!(deliver(&any(), &format!("http://127.0.0.1:{port}/")).await.is_gone());
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_or_has_no_address_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(deliver(&any(), &address).await.attempt.error, Some(AttemptError::NotConnected));
        let nowhere = WebhookClient::with_lookup(Reach::Any, |_| Box::pin(async { Ok(Vec::new()) })).unwrap();
        let attempted = deliver(&nowhere, "http://example.com/").await;
        assert_eq!(attempted.attempt.error, Some(AttemptError::NotResolved));
    }

    #[tokio::test]
    async fn a_receiver_that_does_not_answer_is_left_after_some_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let mut client = any();
        assert_eq!(client.timeout.as_secs(), 10);
        client.timeout = Duration::from_millis(200);
        let attempted = deliver(&client, &address).await;
        assert_eq!(attempted.attempt.error, Some(AttemptError::Timeout));
        assert!(attempted.attempt.duration_ms >= 200);
        drop(listener);
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_not_read() {
        let (port, ..) = receiver("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await;
        let start = Instant::now();
        let attempted = deliver(&any(), &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(attempted.attempt.status, Some(200));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn of_a_long_head_only_the_first_64_kilobytes_are_read() {
        let answer = |length| {
            let header = "x".repeat(length);
            &*format!("HTTP/1.1 200 OK\r\nx-long: {header}\r\nconnection: close\r\n\r\n").leak()
        };
        let endless = "HTTP/1.1 200 OK\r\nx-long: ";
        let broken = (None, Some(AttemptError::NotConnected));
        for (answer, expected) in [
            (answer(MAX_HEAD - 1_000), (Some(200), None)),
            (answer(MAX_HEAD + 1_000), broken),
            (endless, broken),
        ] {
            let (port, ..) = receiver(answer).await;
            let start = Instant::now();
            let attempt = deliver(&any(), &format!("http://127.0.0.1:{port}/")).await.attempt;
            assert_eq!((attempt.status, attempt.error), expected, "{} bytes", answer.len());
            assert!(start.elapsed() < Duration::from_secs(5));
        }
    }

    fn to_loopback(_: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        Box::pin(async { Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)]) })
    }

    fn to_metadata(_: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        // The first address is public, and the second one is that of the instance metadata service.
        Box::pin(async { Ok(vec![([1, 1, 1, 1], 0).into(), ([169, 254, 169, 254], 0).into()]) })
    }

    #[tokio::test]
    async fn a_host_that_leads_to_a_private_address_at_the_second_look_is_not_connected_to() {
        let (port, connections, _) = receiver(OK).await;
        // The same name was public when the webhook was created.
        for lookup in [to_loopback as Lookup, to_metadata] {
            let client = WebhookClient::with_lookup(Reach::Public, lookup).unwrap();
            let attempted = deliver(&client, &format!("https://example.com:{port}/")).await;
            assert_eq!(attempted.attempt.error, Some(AttemptError::AddressRefused));
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
        // Without the check, the connection would have been opened.
        let client = WebhookClient::with_lookup(Reach::Any, to_loopback).unwrap();
        deliver(&client, &format!("http://example.com:{port}/")).await;
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_private_address_without_a_name_is_not_connected_to() {
        let (port, connections, _) = receiver(OK).await;
        let client = WebhookClient::new(Reach::Public).unwrap();
        for host in ["127.0.0.1", "[::ffff:7f00:1]", "2130706433"] {
            let attempted = deliver(&client, &format!("https://{host}:{port}/")).await;
            assert_eq!(attempted.attempt.error, Some(AttemptError::AddressRefused), "{host}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_new_webhook_must_lead_to_the_internet() {
        for address in
            ["https://localhost/", "https://127.0.0.1/", "http://example.com/", "https://x.invalid/"]
        {
            assert!(Reach::Public.check(&url(address)).await.is_err(), "{address}");
        }
        assert!(Reach::Public.check(&url("https://93.184.216.34/")).await.is_ok());
        assert!(Reach::Any.check(&url("http://localhost:1/")).await.is_ok());
    }
}

//! An HTTP server in the place of a provider or of a webhook's receiver.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// A server on this machine that returns prepared answers and records every request.
#[derive(Clone, Debug)]
pub struct FakeServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeServer {
    /// A server that answers each request with the next of these statuses and JSON bodies.
    ///
    /// # Panics
    /// If the machine has no free port.
    #[must_use]
    #[expect(clippy::expect_used, reason = "Only tests call this.")]
    pub fn new(answers: impl IntoIterator<Item = (u16, Value), IntoIter: Send + 'static>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), answers)
    }

    /// The same server on a port that the test has opened.
    ///
    /// # Panics
    /// If the port has no address.
    #[must_use]
    #[expect(clippy::expect_used, reason = "Only tests call this.")]
    pub fn on(
        listener: TcpListener,
        answers: impl IntoIterator<Item = (u16, Value), IntoIter: Send + 'static>,
    ) -> Self {
        let address = listener.local_addr().expect("the address of the port");
        let server = Self { url: format!("http://{address}"), requests: Arc::default() };
        let (answers, requests) = (answers.into_iter(), server.requests.clone());
        thread::spawn(move || {
            for ((status, body), stream) in answers.zip(listener.incoming()) {
                // A client that closes its connection has failed, and its test sees that.
                let _ = stream.and_then(|stream| exchange(&stream, &requests, status, &body.to_string()));
            }
        });
        server
    }

    /// The address of the server, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests in order, each with method and path, such as `POST /images/edits`.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads one request and answers it. What is not read would reset the connection.
fn exchange(stream: &TcpStream, requests: &Mutex<Vec<String>>, status: u16, body: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let request = first.rsplit_once(" HTTP/").map_or(first.as_str(), |(request, _)| request);
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let mut writer = stream;
    writer.write_all((head + body).as_bytes())
}

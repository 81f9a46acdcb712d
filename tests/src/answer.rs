//! An HTTP response, read to its end.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;

/// A response with its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Reads a response.
    ///
    /// # Errors
    /// If the body does not arrive.
    pub async fn read(response: Response) -> Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, bytes: response.bytes().await?.into() })
    }

    /// The same response with its body decompressed. Its headers stay.
    ///
    /// # Errors
    /// If the body should be gzip and is not.
    pub fn decompressed(mut self) -> Result<Self> {
        if self.header("content-encoding") == "gzip" {
            let mut bytes = Vec::new();
            GzDecoder::new(&self.bytes[..]).read_to_end(&mut bytes).context("a body that is not gzip")?;
            self.bytes = bytes;
        }
        Ok(self)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header's value, or empty text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Requires a status.
    ///
    /// # Errors
    /// If the status differs; the message shows the body.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text());
        Ok(self)
    }

    /// Requires a status, and returns the JSON body.
    ///
    /// # Errors
    /// If the status differs or the body is not JSON.
    pub fn json(self, status: u16) -> Result<Value> {
        let answer = self.expect(status)?;
        serde_json::from_slice(&answer.bytes).with_context(|| format!("not JSON: {}", answer.text()))
    }

    /// Requires a problem (RFC 9457) with this status and code that contains no internals.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn problem(self, status: u16, code: &str) -> Result<Value> {
        let content_type = self.header("content-type").to_owned();
        let text = self.text();
        let body = self.json(status)?;
        ensure!(content_type == "application/problem+json", "{content_type}: {text}");
        ensure!(body["code"] == code, "not {code}: {text}");
        ensure!(body["status"] == status, "says another status than {status}: {text}");
        for member in ["type", "title", "detail"] {
            ensure!(body[member].as_str().is_some_and(|text| !text.is_empty()), "no {member}: {text}");
        }
        for inside in ["panicked", ".rs:", "Exception", "SdkError", "arn:aws", "ServiceError"] {
            ensure!(!text.contains(inside), "shows {inside}: {text}");
        }
        Ok(body)
    }
}

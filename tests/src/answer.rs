//! An HTTP response, read to its end.

use anyhow::{Context, Result, ensure};
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::contract;

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
    /// Reads a response. One of the API must be as the contract has it.
    ///
    /// # Errors
    /// Where the connection breaks, and what docs/openapi.yaml does not have.
    pub async fn read(response: Response) -> Result<Self> {
        let (url, status, headers) = (response.url().clone(), response.status(), response.headers().clone());
        let answer = Self { status, headers, bytes: response.bytes().await?.into() };
        // `Stack::request` has put the method there.
        if let Some(method) = url.fragment() {
            contract::check_answer(method, url.path(), &answer)?;
        }
        Ok(answer)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header's value, empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Insists on a status.
    ///
    /// # Errors
    /// Another status; the message shows the body.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text());
        Ok(self)
    }

    /// The JSON of a response that must have this status.
    ///
    /// # Errors
    /// Another status, or no JSON.
    pub fn json(self, status: u16) -> Result<Value> {
        let answer = self.expect(status)?;
        serde_json::from_slice(&answer.bytes).with_context(|| format!("not JSON: {}", answer.text()))
    }

    /// Insists on one of our problems: RFC 9457, with this status and code, and nothing of our insides.
    ///
    /// # Errors
    /// Anything else.
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

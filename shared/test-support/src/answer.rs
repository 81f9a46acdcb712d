//! Responses of endpoints.

use std::collections::BTreeMap;

use api::Reply;
use serde::Serialize;
use serde_json::Value;

/// The response of an endpoint as a client receives it.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, except `cache-control` and `content-type` of JSON.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body. It is null if the response has none.
    pub body: Value,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let response = api::into_response(reply);
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let usual = |(name, value): &(String, String)| match name.as_str() {
            "cache-control" => value == "no-store",
            "content-type" => value.ends_with("json"),
            _ => false,
        };
        let body: &[u8] = response.body();
        Self {
            status: response.status().as_u16(),
            headers: headers.filter(|header| !usual(header)).collect(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
        }
    }
}

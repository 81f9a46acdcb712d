//! Compression of responses.
//!
//! It happens here, because API Gateway does not compress: minimum compression size is a feature of REST APIs only (Amazon
//! API Gateway Developer Guide, "Choose between REST APIs and HTTP APIs"). lambda_http encodes a binary body with base64 and
//! says so with `isBase64Encoded`, and the gateway decodes it ("Working with AWS Lambda proxy integrations for HTTP APIs",
//! format 2.0).
//!
//! Compressed text can betray a secret if an attacker's text stands beside it and the attacker sees the length of many
//! responses (BREACH). No response contains a secret beside text of another user, and another site cannot send requests
//! with a user's token.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use lambda_http::{
    Body, Response,
    http::{HeaderMap, HeaderValue, header},
};

use crate::accepts_encoding;

/// Bodies of fewer bytes stay as they are. They fit into one or two packets anyway.
const MIN_BYTES: usize = 1024;

/// The fastest level. The time of a function costs more than the few bytes that other levels save.
const LEVEL: Compression = Compression::fast();

/// The codings that a client accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    gzip: bool,
}

impl Accepted {
    /// Reads `Accept-Encoding`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self { gzip: accepts_encoding(headers, "gzip") }
    }

    /// Compresses the body of a response if it is long text and the client accepts gzip. A body that an endpoint has
    /// compressed itself stays as it is.
    pub(crate) fn compress(self, mut response: Response<Body>) -> Response<Body> {
        let Body::Text(text) = response.body() else { return response };
        if text.len() < MIN_BYTES || response.headers().contains_key(header::CONTENT_ENCODING) {
            return response;
        }
        let compressed = if self.gzip { gzip(text.as_bytes(), LEVEL) } else { None };
        let headers = response.headers_mut();
        let accept_encoding = HeaderValue::from_static("accept-encoding");
        if headers.get_all(header::VARY).iter().all(|value| value != accept_encoding) {
            headers.append(header::VARY, accept_encoding);
        }
        if let Some(bytes) = compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *response.body_mut() = Body::Binary(bytes);
        }
        response
    }
}

/// The compressed bytes. `None` never occurs, because writing to memory does not fail.
fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn response(text: String) -> Response<Body> {
        Response::builder().header("vary", "accept, authorization").body(Body::Text(text)).unwrap()
    }

    fn vary(response: &Response<Body>) -> Vec<&str> {
        response.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect()
    }

    #[test]
    fn long_text_is_compressed_for_clients_that_accept_it() {
        let text = "a picture ".repeat(200);
        let compressed = Accepted { gzip: true }.compress(response(text.clone()));
        assert_eq!(compressed.headers()["content-encoding"], "gzip");
        assert_eq!(vary(&compressed), ["accept, authorization", "accept-encoding"]);
        let Body::Binary(bytes) = compressed.body() else { panic!("{compressed:?}") };
        let mut read = String::new();
        GzDecoder::new(&bytes[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        assert!(bytes.len() < 100, "{}", bytes.len());

        let plain = Accepted { gzip: false }.compress(response(text.clone()));
        assert_eq!(plain.body(), &Body::Text(text));
        assert!(!plain.headers().contains_key("content-encoding"));
        // A cache that keeps it must not give it to a client that accepts gzip, nor the reverse.
        assert_eq!(vary(&plain), ["accept, authorization", "accept-encoding"]);
    }

    #[test]
    fn short_text_and_compressed_bodies_stay_as_they_are() {
        let short = "a".repeat(MIN_BYTES - 1);
        let kept = Accepted { gzip: true }.compress(response(short.clone()));
        assert_eq!(kept.body(), &Body::Text(short));
        assert_eq!(vary(&kept), ["accept, authorization"]);
        let binary = Response::new(Body::Binary(vec![1; 2 * MIN_BYTES]));
        let kept = Accepted { gzip: true }.compress(binary);
        assert_eq!(kept.body(), &Body::Binary(vec![1; 2 * MIN_BYTES]));
        assert!(kept.headers().is_empty());
    }
}

//! Preparing events, so that lambda_http can convert them without a panic.
//!
//! lambda_http 1.3 builds a URL from an event's path, query string and Host header, and decodes its body, with `unwrap`
//! and `expect` (`into_api_gateway_v2_request` in its request.rs). Clients control these values: the HTTP API passes on a
//! raw `<` or `"` in a query string, and decodes the path. With the events of this module, none of these calls fail.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::{HeaderValue, Uri, header},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{Problem, ProblemCode};

/// The characters that `http::Uri` rejects in a query string, and `#`, which would end it. `%` is missing, because the
/// query string can already be encoded.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// The characters that the URL Standard encodes in paths, and those with a special meaning: `?`, `#` and `\`.
const NOT_IN_PATH: &AsciiSet =
    &NOT_IN_QUERY.add(b'?').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|').add(b'\\');

/// An event that lambda_http converts without a panic.
#[derive(Debug, Default)]
pub(crate) struct SafeEvent {
    /// The event, without its host.
    pub(crate) event: ApiGatewayV2httpRequest,
    /// The Host header of the event. The caller adds it to the request after the conversion.
    pub(crate) host: Option<HeaderValue>,
}

impl SafeEvent {
    /// Parses an event of an HTTP API (payload format 2.0), and percent-encodes the characters that a URL must not contain.
    ///
    /// # Errors
    /// 400 `malformed-request` for any other event that lambda_http cannot convert.
    pub(crate) fn read(json: &str) -> Result<Self, Problem> {
        // The error can contain a header, so it is not logged.
        let mut event: ApiGatewayV2httpRequest =
            serde_json::from_str(json).map_err(|_| malformed("the event is not an event of an HTTP API"))?;
        if event.is_base64_encoded
            && event.body.as_ref().is_some_and(|body| BASE64_STANDARD.decode(body).is_err())
        {
            return Err(malformed("the body of the event is not valid base64"));
        }
        let path = event.raw_path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
        if !path.starts_with('/') {
            return Err(malformed("the path of the event does not begin with a slash"));
        }
        let path = utf8_percent_encode(path, NOT_IN_PATH).to_string();
        let query = event.raw_query_string.unwrap_or_default();
        let query = utf8_percent_encode(&query, NOT_IN_QUERY).to_string();
        // Rejects the rest, such as an address that is too long.
        Uri::try_from(format!("{path}?{query}"))
            .map_err(|error| malformed("the address of the event is not a URI").because(error))?;
        (event.raw_path, event.raw_query_string) = (Some(path), Some(query));

        // Without host and stage, lambda_http builds the URI only from the path and the query string.
        let host = event.headers.remove(header::HOST);
        event.request_context.domain_name = None;
        event.request_context.stage = None;
        Ok(Self { event, host })
    }
}

fn malformed(cause: &'static str) -> Problem {
    Problem::new(ProblemCode::MalformedRequest, "This request is not well-formed HTTP.").because(cause)
}

//! Reading events, so that lambda_http can convert each of them.
//!
//! lambda_http 1.3 builds a URL from an event's path, query string and Host header, and decodes its body, with `unwrap`
//! and `expect` (`into_api_gateway_v2_request` in its request.rs). A client decides what these hold: the HTTP API hands a
//! raw `<` or `"` in a query string on as it is, and decodes the path. What comes out of this module makes none of these
//! calls fail.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::{HeaderValue, Uri, header},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{Problem, ProblemCode};

/// What `http::Uri` takes in no query string; `#` would end it. `%` stays, since what is encoded already is left alone.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
/// What the URL Standard encodes in paths, and what it would read as something else: `?`, `#` and `\`.
const NOT_IN_PATH: &AsciiSet =
    &NOT_IN_QUERY.add(b'?').add(b'`').add(b'{').add(b'}').add(b'^').add(b'|').add(b'\\');

/// An event that lambda_http converts without a panic.
#[derive(Debug, Default)]
pub(crate) struct SafeEvent {
    /// The event, without its host.
    pub(crate) event: ApiGatewayV2httpRequest,
    /// The Host header of the event. It belongs back into the request's headers after the conversion.
    pub(crate) host: Option<HeaderValue>,
}

impl SafeEvent {
    /// Reads an event of an HTTP API (payload format 2.0), and percent-encodes the characters that a URL must not have.
    ///
    /// # Errors
    /// 400 `malformed-request` for everything else that lambda_http could not convert.
    pub(crate) fn read(json: &str) -> Result<Self, Problem> {
        // The error is not logged: it can repeat a header.
        let mut event: ApiGatewayV2httpRequest =
            serde_json::from_str(json).map_err(|_| malformed("the event is not one of an HTTP API"))?;
        if event.is_base64_encoded
            && event.body.as_ref().is_some_and(|body| BASE64_STANDARD.decode(body).is_err())
        {
            return Err(malformed("the event's body is not base 64"));
        }
        let path = event.raw_path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
        if !path.starts_with('/') {
            return Err(malformed("the event's path does not begin with a slash"));
        }
        let path = utf8_percent_encode(path, NOT_IN_PATH).to_string();
        let query = event.raw_query_string.unwrap_or_default();
        let query = utf8_percent_encode(&query, NOT_IN_QUERY).to_string();
        // Whatever is left, such as an address that is too long.
        Uri::try_from(format!("{path}?{query}"))
            .map_err(|error| malformed("the event's address").because(error))?;
        (event.raw_path, event.raw_query_string) = (Some(path), Some(query));

        // Without host and stage, lambda_http makes the URI of the path and the query string alone.
        let host = event.headers.remove(header::HOST);
        event.request_context.domain_name = None;
        event.request_context.stage = None;
        Ok(Self { event, host })
    }
}

fn malformed(cause: &'static str) -> Problem {
    Problem::new(ProblemCode::MalformedRequest, "This request is not well-formed HTTP.").because(cause)
}

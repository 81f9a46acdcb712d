//! Answers.

use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;

use crate::Problem;

/// In seconds.
const LONGEST_KEPT: i64 = 60;

/// What an endpoint answers.
pub type Reply = Result<Response<Body>, Problem>;

/// JSON with a status. Answers are a user's own, so no cache keeps them.
///
/// # Errors
/// 500 where the value cannot be written as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let text = serde_json::to_string(value).map_err(Problem::internal)?;
    Ok(with_content(status, HeaderValue::from_static("application/json"), text))
}

/// 204.
///
/// # Errors
/// None; the type is that of every answer.
pub fn no_content() -> Reply {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// 302 to an address that works for `max_age` seconds at least. It is kept for a minute at most, since a picture that is
/// replaced or removed has it no longer, and for the same `Accept` and caller alone.
///
/// # Errors
/// 500 where the address is not fit for a header.
pub fn redirect(url: &str, max_age: i64) -> Reply {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(url).map_err(Problem::internal)?);
    let cache = format!("private, max-age={}", max_age.clamp(0, LONGEST_KEPT));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(&cache).map_err(Problem::internal)?);
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization"));
    Ok(response)
}

pub(crate) fn with_content(status: StatusCode, content_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! Responses of endpoints.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header},
    tracing::{error, info, warn},
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use telemetry::Measurement;

use crate::{Problem, ProblemCode};

/// The longest time for which a client may cache a redirect, in seconds.
const MAX_REDIRECT_AGE: i64 = 60;

/// The result of an endpoint.
pub type Reply = Result<Response<Body>, Problem>;

/// A response with a JSON body. No cache may store it, because it belongs to one user.
///
/// # Errors
/// 500 if the value cannot be serialized.
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let text = serde_json::to_string(value).map_err(Problem::internal)?;
    Ok(with_content(status, HeaderValue::from_static("application/json"), text))
}

/// A response with a small page for people: what precedes its style sheet, the style sheet, and the rest. The page may
/// load nothing, and no cache may store it.
///
/// # Errors
/// 500 if the policy of the page is not a valid header value.
pub fn html(status: StatusCode, [before, style, after]: [&str; 3]) -> Reply {
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let page = format!("{before}<style>{style}</style>{after}");
    let mut response = with_content(status, content_type, page);
    // The hash allows this style sheet and no other (MDN Web Docs, "CSP: style-src").
    let hash = BASE64_STANDARD.encode(Sha256::digest(style));
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'");
    let policy = HeaderValue::from_str(&policy).map_err(Problem::internal)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// A response with the status 204.
///
/// # Errors
/// Never. It returns a [`Reply`] like the other functions.
pub fn no_content() -> Reply {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// The response to a deletion: 204, or 404 if nothing `existed`.
///
/// # Errors
/// 404 `not-found`
pub fn deleted(existed: bool) -> Reply {
    if existed { no_content() } else { Err(Problem::not_found()) }
}

/// A redirect (302) to an address that works for at least `max_age` seconds.
///
/// A client may cache it for at most one minute, because the picture can be replaced or deleted. The cache entry applies
/// only to the same caller and the same `Accept` header.
///
/// # Errors
/// 500 if the address is not a valid header value.
pub fn redirect(url: &str, max_age: i64) -> Reply {
    let mut response = found(url)?;
    let headers = response.headers_mut();
    let cache = format!("private, max-age={}", max_age.clamp(0, MAX_REDIRECT_AGE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(&cache).map_err(Problem::internal)?);
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization"));
    Ok(response)
}

/// A redirect (302) that no cache may store, so that each request reaches the endpoint. Search engines must not list the
/// address.
///
/// # Errors
/// 500 if the address is not a valid header value.
pub fn redirect_once(url: &str) -> Reply {
    let mut response = found(url)?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    Ok(response)
}

/// A response with the status 302 to an address.
fn found(url: &str) -> Reply {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::FOUND;
    let location = HeaderValue::from_str(url).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// The response that the client receives. The cause of a problem is logged here, and nowhere else.
#[must_use]
pub fn into_response(reply: Reply) -> Response<Body> {
    reply.unwrap_or_else(|problem| problem_response(&problem))
}

/// The JSON of a problem that is a part of a response. Its cause is logged here, as for a response that is a problem.
#[must_use]
pub fn problem_in_body(problem: &Problem) -> Value {
    log(problem);
    problem.to_json()
}

fn log(problem: &Problem) {
    let status = problem.code.status();
    let cause = problem.cause.as_ref().map(|cause| aws::causes(cause.as_ref()));
    let (code, number) = (problem.code.as_str(), status.as_u16());
    let emf = problem.limit.map(|limit| Measurement::Refusal { limit }.emf());
    // `ERROR` is for what an operator has to look at. The alarms of template.yaml read the field `code`.
    if problem.code == ProblemCode::Internal {
        error!(code, status = number, cause, "request failed");
    } else if status.is_server_error() {
        warn!(code, status = number, cause, emf, "request not served");
    } else {
        info!(code, status = number, cause, emf, "request refused");
    }
}

fn problem_response(problem: &Problem) -> Response<Body> {
    log(problem);
    let status = problem.code.status();
    let content_type = HeaderValue::from_static("application/problem+json");
    let mut response = with_content(status, content_type, problem.to_json().to_string());
    let default_seconds = match status {
        StatusCode::SERVICE_UNAVAILABLE => Some(3),
        StatusCode::TOO_MANY_REQUESTS => Some(60),
        _ => None,
    };
    if let Some(seconds) = problem.retry_after.or(default_seconds) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(Ok(allow)) = problem.allow.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn with_content(status: StatusCode, content_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

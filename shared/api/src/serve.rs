//! The boundary between Lambda and an endpoint.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use lambda_http::{
    Body, Error, Request, RequestExt, Response,
    http::{HeaderValue, StatusCode, header},
    service_fn,
    tracing::{error, info},
};

use aws::CallError;

use crate::{ErrorStatus, Problem, Reply, reply::with_content};

/// Serves an endpoint until Lambda ends the process.
///
/// # Errors
/// Where the Runtime API cannot be reached.
pub async fn serve<F, R>(endpoint: F) -> Result<(), Error>
where
    F: Fn(Request) -> R + Send + Sync,
    R: Future<Output = Reply> + Send,
{
    telemetry::init();
    lambda_http::run(service_fn(|request| {
        let time = time_left(&request);
        let reply = endpoint(request);
        async move {
            let reply = tokio::time::timeout(time, reply).await;
            let reply = reply.unwrap_or_else(|elapsed| Err(CallError::Unavailable(elapsed.into()).into()));
            Ok::<_, Error>(reply.unwrap_or_else(|problem| answer(&problem)))
        }
    }))
    .await
}

/// How long an endpoint may take, so that a caller gets our answer before Lambda ends the request.
fn time_left(request: &Request) -> Duration {
    const MARGIN: Duration = Duration::from_millis(500);
    // What imitates Lambda may tell no deadline; then the functions' own timeout in template.yaml counts.
    const UNTOLD: Duration = Duration::from_secs(10);
    let deadline = request.lambda_context().deadline();
    deadline.duration_since(SystemTime::now()).unwrap_or(UNTOLD).saturating_sub(MARGIN)
}

fn answer(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from(problem.status);
    let cause = problem.cause.as_ref().map(|cause| aws::causes(cause.as_ref()));
    if status.is_server_error() {
        error!(code = problem.code, status = status.as_u16(), cause, "request failed");
    } else {
        info!(code = problem.code, status = status.as_u16(), cause, "request refused");
    }
    let content_type = HeaderValue::from_static("application/problem+json");
    let mut response = with_content(status, content_type, problem.to_json().to_string());
    let usual = match problem.status {
        ErrorStatus::Unavailable => Some(3),
        ErrorStatus::TooManyRequests => Some(60),
        _ => None,
    };
    if let Some(seconds) = problem.retry_after.or(usual) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.status == ErrorStatus::Unauthorized {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(Ok(allow)) = problem.allow.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

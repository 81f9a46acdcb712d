//! The boundary between Lambda and an endpoint.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use domain::ImageId;
use lambda_http::{
    Adapter, Error, LambdaEvent, Request, RequestExt, Service,
    aws_lambda_events::apigw::ApiGatewayV2httpRequest,
    http::header,
    lambda_runtime,
    request::LambdaRequest,
    service_fn,
    tracing::{Instrument, Span, info_span},
};
use serde::Serialize;
use serde_json::value::RawValue;

use aws::CallError;

use crate::{Reply, compression::Accepted, event::SafeEvent, limiter::Limiter, reply::into_response};

/// Handles requests with an endpoint until Lambda ends the process.
///
/// # Errors
/// If the Runtime API of Lambda does not respond.
pub async fn serve<F, R>(endpoint: F) -> Result<(), Error>
where
    F: Fn(Request) -> R + Send + Sync,
    R: Future<Output = Reply> + Send,
{
    telemetry::init();
    let (endpoint, limiter) = (&endpoint, &Limiter::from_env());
    lambda_runtime::run(service_fn(move |event| respond(endpoint, limiter, event))).await
}

/// Handles one event. lambda_http converts the event to a request, and the response to Lambda's format.
async fn respond<F, R>(
    endpoint: &F,
    limiter: &Limiter,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<impl Serialize + use<F, R>, Error>
where
    F: Fn(Request) -> R + Send + Sync,
    R: Future<Output = Reply> + Send,
{
    // If the event is malformed, lambda_http converts an empty event instead, and the endpoint is not called.
    let (SafeEvent { event: payload, mut host }, mut malformed) = match SafeEvent::read(event.payload.get()) {
        Ok(event) => (event, None),
        Err(problem) => (SafeEvent::default(), Some(problem)),
    };
    let span = span(&payload);
    let service = service_fn(|mut request: Request| {
        if let Some(host) = host.take() {
            request.headers_mut().insert(header::HOST, host);
        }
        let malformed = malformed.take();
        let accepted = Accepted::of(request.headers());
        async move {
            let reply = match malformed {
                Some(problem) => Err(problem),
                None => run(endpoint, limiter, request).await,
            };
            Ok::<_, Error>(accepted.compress(into_response(reply)))
        }
    });
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(payload), event.context);
    Adapter::from(service).call(event).instrument(span).await
}

/// The span of a request. All lines of the request have its id, which is also in the access log and in the header
/// `apigw-requestid` of the response, and a `correlation_id`. This is the id of the image in the path, or that of the
/// request. Other ids of paths can be secrets.
fn span(event: &ApiGatewayV2httpRequest) -> Span {
    let request_id = event.request_context.request_id.as_deref();
    let image = event.raw_path.as_deref().and_then(image_in);
    let correlation_id = image.map(|image| image.to_string());
    info_span!("request", request_id, correlation_id = correlation_id.as_deref().or(request_id))
}

/// The image of a path such as `/api/images/{id}/status`.
fn image_in(path: &str) -> Option<ImageId> {
    let path = path.strip_prefix("/api/")?;
    let path = path.strip_prefix("admin/").unwrap_or(path).strip_prefix("images/")?;
    path.split('/').next()?.parse().ok()
}

async fn run<F, R>(endpoint: &F, limiter: &Limiter, request: Request) -> Reply
where
    F: Fn(Request) -> R,
    R: Future<Output = Reply>,
{
    limiter.check(&request)?;
    let time = time_left(&request);
    let reply = tokio::time::timeout(time, endpoint(request)).await;
    reply.unwrap_or_else(|elapsed| Err(CallError::Unavailable(elapsed.into()).into()))
}

/// The time limit of an endpoint. It ends before Lambda's own limit, so that the client receives a problem.
fn time_left(request: &Request) -> Duration {
    const MARGIN: Duration = Duration::from_millis(500);
    // An emulator may send no deadline. This is the timeout of the functions in template.yaml.
    const DEFAULT: Duration = Duration::from_secs(10);
    let deadline = request.lambda_context().deadline();
    deadline.duration_since(SystemTime::now()).unwrap_or(DEFAULT).saturating_sub(MARGIN)
}

#[cfg(test)]
mod tests;

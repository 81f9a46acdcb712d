//! Code that the endpoints of webhooks share.

use api::{Problem, ProblemCode, Request};
use domain::{
    Attempt, Delivery, DeliveryId, DeliveryStatus, Description, Disabled, Event, Timestamp, Webhook,
    WebhookEvents, WebhookId, WebhookUrl,
};
use providers::Reach;
use serde::Serialize;
use store::WebhookError;

/// A webhook in its owner's responses. It does not contain the secret.
#[derive(Debug, Serialize)]
pub struct WebhookBody<'a> {
    id: WebhookId,
    url: &'a WebhookUrl,
    events: Option<&'a WebhookEvents>,
    description: Option<&'a Description>,
    enabled: bool,
    disabled: Option<Disabled>,
    last_success_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Webhook> for WebhookBody<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id,
            url: &webhook.url,
            events: webhook.events.as_ref(),
            description: webhook.description.as_ref(),
            enabled: webhook.enabled,
            disabled: webhook.disabled,
            last_success_at: webhook.last_success_at,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// A delivery in responses.
#[derive(Debug, Serialize)]
pub struct DeliveryBody<'a> {
    id: DeliveryId,
    status: DeliveryStatus,
    attempts: u32,
    last_attempt: Option<AttemptBody>,
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
    event: &'a Event,
}

/// An attempt in responses.
#[derive(Debug, Serialize)]
struct AttemptBody {
    at: Timestamp,
    duration_ms: u64,
    status: Option<u16>,
    error: Option<domain::AttemptError>,
}

impl From<Attempt> for AttemptBody {
    fn from(Attempt { at, duration_ms, status, error }: Attempt) -> Self {
        Self { at, duration_ms, status, error }
    }
}

impl<'a> From<&'a Delivery> for DeliveryBody<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            id: delivery.id,
            status: delivery.status,
            attempts: delivery.attempts,
            last_attempt: delivery.last_attempt.map(AttemptBody::from),
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            event: &delivery.event,
        }
    }
}

/// Checks the address of a webhook. Its host is resolved, and every attempt of a delivery checks it again.
///
/// # Errors
/// 400 `invalid-field` if the deployment does not deliver to this address.
pub async fn check_url(reach: Reach, url: &WebhookUrl) -> Result<(), Problem> {
    let checked = reach.check(url).await;
    checked.map_err(|error| Problem::invalid_field("url", format!("url: {error}")))
}

/// The delivery in the path: `{delivery_id}`.
///
/// # Errors
/// 404 `not-found` if the id has another form.
pub fn delivery_in_path(request: &Request) -> Result<DeliveryId, Problem> {
    api::path(request, "delivery_id").parse().map_err(|_| Problem::not_found())
}

/// The problem of a webhook that was not created.
#[must_use]
pub fn problem(error: WebhookError) -> Problem {
    match error {
        WebhookError::TooMany => {
            let detail = format!("You may have {} webhooks. Delete one first.", Webhook::MAX_PER_USER);
            Problem::new(ProblemCode::QuotaExceeded, detail)
                .with("limit", "max_webhooks")
                .with("max_webhooks", Webhook::MAX_PER_USER)
        }
        WebhookError::Limit(error) => error.into(),
        WebhookError::Call(error) => error.into(),
    }
}

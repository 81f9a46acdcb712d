#![doc = include_str!("../README.md")]

mod json_lines;
mod metrics;
mod trace;

use std::{env, fmt::Display, io::stdout};

use lambda_runtime::tracing::{
    Level, Span,
    field::display,
    info_span,
    subscriber::{Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt},
};

use json_lines::JsonLines;

pub use metrics::Measurement;
pub use trace::Subsegment;

/// Writes `tracing` events to standard output. The level is INFO unless `AWS_LAMBDA_LOG_LEVEL` sets another.
pub fn init() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(Level::INFO);
    if env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        Registry::default().with(JsonLines::from_env(level, stdout)).init();
    } else {
        // Lambda adds the time.
        fmt().with_max_level(level).with_target(false).without_time().with_ansi(false).init();
    }
}

/// A span for work about one thing. All lines inside it have the key `correlation_id` with the id of the thing: that of
/// an image, or of a job that belongs to no image. So the id finds all lines about an upload, in the logs of all
/// functions.
#[must_use]
pub fn correlated(id: impl Display) -> Span {
    info_span!("correlated", correlation_id = %id)
}

/// Changes the `correlation_id` of the current span, which [`correlated`] made.
pub fn correlate(id: impl Display) {
    Span::current().record("correlation_id", display(id));
}

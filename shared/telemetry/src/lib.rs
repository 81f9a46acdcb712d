#![doc = include_str!("../README.md")]

use std::env;

use lambda_runtime::tracing::{Level, subscriber::fmt};

/// Writes `tracing` events to standard output. The level is INFO unless `AWS_LAMBDA_LOG_LEVEL` sets another.
pub fn init() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    // Lambda adds the time.
    let logs = fmt().with_max_level(level.unwrap_or(Level::INFO)).with_target(false).without_time();
    if env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        logs.json().init();
    } else {
        logs.with_ansi(false).init();
    }
}

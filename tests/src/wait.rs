//! Waits for asynchronous work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(150);

/// Calls a function repeatedly until it returns a value.
///
/// # Errors
/// If a call fails, or nothing is returned within two minutes.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await.with_context(|| format!("waiting for {what}"))? {
            return Ok(answer);
        }
        anyhow::ensure!(start.elapsed() < DEADLINE, "waited two minutes for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

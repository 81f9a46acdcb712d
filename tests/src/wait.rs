//! Waiting for what happens by itself.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(150);

/// Asks again and again until there is an answer.
///
/// # Errors
/// Where asking fails, and where there is no answer within a minute.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await.with_context(|| format!("waiting for {what}"))? {
            return Ok(answer);
        }
        anyhow::ensure!(start.elapsed() < DEADLINE, "waited a minute for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

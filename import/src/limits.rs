//! Waits where a limit allows more soon.

use std::time::Duration;

use domain::{LimitError, Quota};
use store::CreateError;
use tokio::time::{Instant, sleep};

/// How long the pictures may take to be processed, until the next one may be sent.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
const PAUSE: Duration = Duration::from_secs(2);

/// Why something was not created.
pub(crate) fn reason(error: &CreateError) -> String {
    match error {
        CreateError::Limit(limit @ (LimitError::QuotaExceeded(..) | LimitError::FileTooLarge(_))) => {
            format!("the user's tier does not allow this: {limit}")
        }
        other => other.to_string(),
    }
}

/// Creates something. Waits while the user creates too many things in a short time, and while too many images wait for
/// their upload to be processed.
pub(crate) async fn until_allowed(
    create: impl AsyncFn() -> Result<(), CreateError>,
) -> Result<(), CreateError> {
    let start = Instant::now();
    loop {
        let pause = match create().await {
            Err(CreateError::Limit(LimitError::RateLimited { retry_after })) => {
                Duration::from_secs(retry_after.into())
            }
            Err(CreateError::Limit(LimitError::QuotaExceeded(Quota::PendingUploads, tier)))
                if tier.max_pending_uploads > 0 && start.elapsed() < PATIENCE =>
            {
                PAUSE
            }
            other => return other,
        };
        sleep(pause).await;
    }
}

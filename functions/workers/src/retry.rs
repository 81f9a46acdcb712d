//! Decides whether a failed job is retried, and when.

use std::time::Duration;

use aws::CallError;
use domain::{Failure, FailureCode, Task};
use providers::ProviderError;

/// The maximum number of attempts of a call to a provider. Each attempt may cost a paid call.
const MAX_ATTEMPTS: u32 = 5;

/// The maximum number of attempts of a job that delivers an event. The delivery itself counts the requests to the
/// receiver, so these are also the attempts that crashed or could not call AWS.
const MAX_DELIVERY_ATTEMPTS: u32 = 40;

/// The longest delay before the next attempt, even if the provider asks for more.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// Why an attempt of a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A retry cannot succeed.
    #[error("{}", .0.code)]
    Permanent(Failure),
    /// The job has done what it can for now, and needs another attempt after this time. At most twelve hours later,
    /// unless the queue sends its messages again.
    #[error("{cause}")]
    NotYet {
        /// The time until the next attempt.
        delay: Duration,
        /// The cause for the log.
        cause: String,
    },
    /// A call to AWS failed.
    #[error(transparent)]
    Aws(#[from] CallError),
}

impl JobError {
    /// The job belongs to another worker's queue.
    #[must_use]
    pub fn wrong_worker() -> Self {
        Self::Permanent(Failure::new(FailureCode::GaveUp, "The job was sent to the wrong worker."))
    }
}

/// The image does not have the picture that a job needs.
#[must_use]
pub fn no_picture() -> JobError {
    JobError::Permanent(Failure::new(FailureCode::NoPicture, "The image does not have this picture."))
}

/// What happens to a job after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Retry the job. `delay` is what the provider asks for.
    Retry {
        /// At most [`MAX_DELAY`] for a provider.
        delay: Option<Duration>,
    },
    /// End the job with this failure.
    Fail(Failure),
}

/// Decides what happens to a job whose attempt number `attempts` failed with `error`.
pub(crate) fn next_step(error: JobError, task: &Task, attempts: u32) -> NextStep {
    let (failure, is_retryable, delay) = match error {
        JobError::NotYet { delay, .. } => return NextStep::Retry { delay: Some(delay) },
        JobError::Provider(error) => (error.failure, error.is_retryable, error.retry_after),
        JobError::Permanent(failure) => (failure, false, None),
        JobError::Aws(_) => {
            let detail = "All attempts failed because of a fault on our side.";
            (Failure::new(FailureCode::GaveUp, detail), true, None)
        }
    };
    if task.retries_forever() || (is_retryable && attempts < max_attempts(task)) {
        return NextStep::Retry { delay: delay.map(|delay| delay.min(MAX_DELAY)) };
    }
    NextStep::Fail(failure)
}

/// The failure of a job that has no attempt left. This happens if the worker of the last attempt crashed before it
/// stored a failure.
pub(crate) fn without_attempts(task: &Task, attempts: u32) -> Option<Failure> {
    let has_none = attempts > max_attempts(task) && !task.retries_forever();
    has_none.then(|| Failure::new(FailureCode::GaveUp, "All attempts failed."))
}

/// The maximum number of attempts, unless the task retries forever.
fn max_attempts(task: &Task) -> u32 {
    match task {
        Task::DeliverWebhook { .. } => MAX_DELIVERY_ATTEMPTS,
        _ => MAX_ATTEMPTS,
    }
}

/// Whether an operator can remove the cause of a job's failure. The causes of other failures are the user's request, or
/// a provider that was busy or away.
pub(crate) fn needs_operator(code: FailureCode) -> bool {
    use FailureCode::{GaveUp, InternalError, ProviderAnswerInvalid, ProviderCredentials, ProviderFull};
    matches!(code, GaveUp | InternalError | ProviderAnswerInvalid | ProviderCredentials | ProviderFull)
}

/// The delay after attempt number `attempts`. It doubles with each attempt. `random` is between 0 and 1 and varies half
/// of the delay, so that jobs that failed together are not retried together.
pub(crate) fn backoff(base: Duration, attempts: u32, random: f64) -> Duration {
    let whole = base.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    whole.mul_f64(0.5 + random / 2.0).clamp(Duration::from_secs(1), MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyze() -> Task {
        Task::Analyze { image: "01JZ0000000000000000000000".parse().unwrap(), version: 1, prompt: None }
    }

    fn delete_copy() -> Task {
        let path = serde_json::from_value(serde_json::json!("/+4930901820/a.jpg")).unwrap();
        Task::DeleteDropboxCopy { path }
    }

    #[test]
    fn a_temporary_failure_is_retried_until_the_last_attempt() {
        let aws = || JobError::Aws(CallError::internal("no"));
        insta::assert_debug_snapshot!(next_step(aws(), &analyze(), 4), @r"
        Retry {
            delay: None,
        }
        ");
        insta::assert_debug_snapshot!(next_step(aws(), &analyze(), 5), @r#"
        Fail(
            Failure {
                code: GaveUp,
                detail: "All attempts failed because of a fault on our side.",
            },
        )
        "#);
        insta::assert_debug_snapshot!(next_step(ProviderError::timeout().into(), &analyze(), 5), @r#"
        Fail(
            Failure {
                code: ProviderTimeout,
                detail: "The provider took too long to answer.",
            },
        )
        "#);
    }

    #[test]
    fn a_permanent_failure_is_not_retried() {
        insta::assert_debug_snapshot!(next_step(no_picture(), &analyze(), 1), @r#"
        Fail(
            Failure {
                code: NoPicture,
                detail: "The image does not have this picture.",
            },
        )
        "#);
    }

    #[test]
    fn the_deletion_of_a_copy_is_always_retried() {
        for error in [JobError::Aws(CallError::internal("no")), no_picture(), JobError::wrong_worker()] {
            assert_eq!(next_step(error, &delete_copy(), 100), NextStep::Retry { delay: None });
        }
        assert_eq!(without_attempts(&delete_copy(), 100), None);
    }

    #[test]
    fn a_job_whose_last_worker_crashed_fails() {
        assert_eq!(without_attempts(&analyze(), 5), None);
        assert_eq!(without_attempts(&analyze(), 6).unwrap().code, FailureCode::GaveUp);
    }

    #[test]
    fn a_delivery_sets_its_own_delay_and_crashes_do_not_use_up_its_attempts() {
        let task = Task::DeliverWebhook {
            webhook: domain::WebhookId::generate(),
            delivery: domain::DeliveryId::derived(domain::now(), 1),
            on_request: false,
        };
        let delay = Duration::from_secs(8 * 60 * 60);
        let error = JobError::NotYet { delay, cause: "503".to_owned() };
        assert_eq!(next_step(error, &task, 39), NextStep::Retry { delay: Some(delay) });
        let aws = || JobError::Aws(CallError::internal("no"));
        assert_eq!(next_step(aws(), &task, 39), NextStep::Retry { delay: None });
        assert!(matches!(next_step(aws(), &task, 40), NextStep::Fail(_)));
        assert_eq!(without_attempts(&task, 40), None);
        assert!(without_attempts(&task, 41).is_some());
    }

    #[test]
    fn a_provider_sets_the_delay_up_to_a_limit() {
        for (asked, delay) in [(7, 7), (100_000, 15 * 60)] {
            let mut error = ProviderError::timeout();
            error.retry_after = Some(Duration::from_secs(asked));
            let delay = Some(Duration::from_secs(delay));
            assert_eq!(next_step(error.into(), &analyze(), 1), NextStep::Retry { delay });
        }
    }

    #[test]
    fn the_delay_doubles_up_to_a_limit() {
        let base = Duration::from_secs(10);
        let delays = |random| [1, 2, 3, 8, 100].map(|attempts| backoff(base, attempts, random).as_secs());
        assert_eq!(delays(1.0), [10, 20, 40, 900, 900]);
        assert_eq!(delays(0.0), [5, 10, 20, 640, 900]);
        assert_eq!(backoff(Duration::ZERO, 1, 0.0), Duration::from_secs(1));
    }
}

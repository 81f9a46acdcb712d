//! Jobs from a queue: claimed, done once, put off while a provider wants to be left alone, given up in the end.

use std::{future::Future, time::Duration};

use aws::CallError;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use domain::{Failure, Job, JobId, Lease, UserId};
use futures_util::future::join_all;
use lambda_runtime::{Context, Error, LambdaEvent};
use providers::ProviderError;
use serde::{Deserialize, Serialize};
use store::{JobClaim, Records};
use tracing::{error, info, warn};

/// A job is begun so often at most, unless it must be done. Each time may cost a call that is paid for.
const MAX_ATTEMPTS: u32 = 5;

/// The longest that a job is put off at once, whatever a provider asks for.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// A message of a queue: whose job, and which.
#[derive(Debug, Deserialize, Serialize)]
pub struct JobMessage {
    /// The job's owner.
    pub user: UserId,
    /// The job.
    pub job: JobId,
}

/// A job that this worker holds the lease of.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job's owner.
    pub user: UserId,
    /// The job.
    pub job: Job,
    /// Who holds the lease.
    pub owner: String,
}

/// Why a job has not ended.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A provider's doing.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Ours or the caller's: nothing heals it.
    #[error("{}", .0.code)]
    Permanent(Failure),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl JobError {
    /// The job is for another worker.
    #[must_use]
    pub fn not_mine() -> Self {
        Self::Permanent(failure("gave-up", "This job came to the wrong worker."))
    }
}

/// What does the jobs of one queue.
pub trait Worker: Sync {
    /// Does a job and ends it. What it leads to is written in one transaction with its end.
    fn work(&self, claimed: &Claimed) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Ends a job that is given up, and tells its owner why.
    fn mark_failed(
        &self,
        claimed: &Claimed,
        failure: Failure,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// A queue that a worker is fed from.
#[derive(Debug)]
pub struct Queue {
    sqs: Client,
    url: String,
    /// How long a job is put off after its first attempt, where the provider does not say; doubled each time.
    pause: Duration,
}

impl Queue {
    /// The queue that a variable names, with `RETRY_SECONDS` as its first pause.
    ///
    /// # Errors
    /// [`aws::MissingVariable`], or a number that is none.
    pub fn from_env(config: &SdkConfig, queue: &'static str) -> Result<Self, Error> {
        let pause = Duration::from_secs(aws::var("RETRY_SECONDS")?.parse()?);
        Ok(Self { sqs: Client::new(config), url: aws::var(queue)?, pause })
    }

    /// Has a worker do the jobs of a batch, all at the same time. What did not end comes back, each message for
    /// itself, when it may be tried again.
    ///
    /// # Errors
    /// None; the type is that of every handler.
    pub async fn work(
        &self,
        records: &Records,
        worker: &impl Worker,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, Error> {
        let (batch, context) = event.into_parts();
        let outcomes = join_all(batch.records.iter().map(async |message| {
            let id = message.message_id.clone().unwrap_or_default();
            let Err(later) = self.deal_with(records, worker, message, &context).await else { return None };
            if let Some(delay) = later {
                self.put_off(message, delay).await;
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            Some(failure)
        }));
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = outcomes.await.into_iter().flatten().collect();
        Ok(response)
    }

    /// Deals with a message. What is not dealt with comes back after a while, or after the queue's own time
    /// where nothing better is known.
    async fn deal_with(
        &self,
        records: &Records,
        worker: &impl Worker,
        message: &SqsMessage,
        context: &Context,
    ) -> Result<(), Option<Duration>> {
        let id = message.message_id.as_deref().unwrap_or_default();
        let parsed = serde_json::from_str(message.body.as_deref().unwrap_or_default());
        let JobMessage { user, job } = parsed.map_err(|cause| {
            error!(message = id, %cause, "not a job of ours");
            None
        })?;
        // Each delivery is somebody else.
        let lease = Lease { owner: format!("{}/{id}", context.request_id), until: lease_end(context) };
        let claim = records.claim_job(&user, job, &lease, domain::now()).await;
        let claimed = match claim {
            Ok(JobClaim::Taken(job)) => Claimed { user, job: *job, owner: lease.owner },
            Ok(JobClaim::Ended) => {
                info!(%job, "a job that has ended");
                return Ok(());
            }
            Ok(JobClaim::NotBefore(time)) => {
                info!(%job, "another worker is at it, or it is put off");
                let seconds = time.saturating_sub(domain::now().as_second());
                return Err(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default().max(1))));
            }
            Err(cause) => {
                error!(%job, cause = aws::causes(&cause), "not claimed");
                return Err(None);
            }
        };
        // All attempts were used up, and the last worker never came to tell.
        let is_used_up = claimed.job.attempts > MAX_ATTEMPTS && !claimed.job.task.retries_forever();
        let outcome = if is_used_up {
            Err(JobError::Permanent(failure("gave-up", "This was tried several times in vain.")))
        } else {
            worker.work(&claimed).await
        };
        let Err(trouble) = outcome else {
            info!(%job, attempts = claimed.job.attempts, "done");
            return Ok(());
        };
        self.after(records, worker, &claimed, trouble).await
    }

    /// Gives a job up, or puts it off. What must be done is never given up: the queue counts how often it comes, and
    /// lays it among its dead letters in the end.
    async fn after(
        &self,
        records: &Records,
        worker: &impl Worker,
        claimed: &Claimed,
        trouble: JobError,
    ) -> Result<(), Option<Duration>> {
        let (job, attempts) = (claimed.job.id, claimed.job.attempts);
        let cause = aws::causes(&trouble);
        let (failure, heals, wanted) = match trouble {
            JobError::Provider(error) => (error.failure, error.heals, error.retry_after),
            JobError::Permanent(failure) => (failure, false, None),
            JobError::Call(_) => {
                (failure("gave-up", "This failed several times because of a fault on our side."), true, None)
            }
        };
        if claimed.job.task.retries_forever() || (heals && attempts < MAX_ATTEMPTS) {
            let delay = wanted.unwrap_or_else(|| self.pause_after(attempts)).min(MAX_DELAY);
            warn!(%job, attempts, cause, seconds = delay.as_secs(), "put off");
            let not_before = domain::now().as_second().saturating_add_unsigned(delay.as_secs());
            let put_back = records.put_job_back(&claimed.user, job, &claimed.owner, not_before).await;
            return Err(put_back.is_ok().then_some(delay));
        }
        error!(%job, attempts, cause, code = failure.code, "given up");
        worker.mark_failed(claimed, failure).await.map_err(|cause| {
            error!(%job, cause = aws::causes(&cause), "its owner is not told yet");
            None
        })
    }

    /// Twice as long after each attempt, of which the second half is random, so that jobs that failed together do
    /// not come back together.
    fn pause_after(&self, attempts: u32) -> Duration {
        let whole = self.pause.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        whole.mul_f64(0.5 + fastrand::f64() / 2.0).max(Duration::from_secs(1))
    }

    async fn put_off(&self, message: &SqsMessage, delay: Duration) {
        let Some(handle) = &message.receipt_handle else { return };
        // Twelve hours at most (Amazon SQS API reference, "ChangeMessageVisibility"). A delivery that is early
        // finds a job that is put off: nothing is lost where this fails.
        const MAX_SECONDS: u64 = 12 * 60 * 60;
        let seconds = i32::try_from((delay.as_secs() + 1).min(MAX_SECONDS)).unwrap_or(1);
        let change = self.sqs.change_message_visibility().queue_url(&self.url).receipt_handle(handle);
        if let Err(error) = change.visibility_timeout(seconds).send().await {
            warn!(
                cause = aws::causes(&CallError::from(error)),
                "a message comes back at the queue's own time"
            );
        }
    }
}

/// A failure that a job ends with.
#[must_use]
pub fn failure(code: &str, detail: &str) -> Failure {
    Failure { code: code.to_owned(), detail: detail.to_owned() }
}

/// When this request is over, whatever becomes of it, in seconds since 1970.
fn lease_end(context: &Context) -> i64 {
    i64::try_from(context.deadline / 1000 + 1).unwrap_or(i64::MAX)
}

//! Runs the jobs of a queue: claims each job, runs it, and retries it or marks it as failed.

use std::{future::Future, time::Duration};

use aws::CallError;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use domain::{Failure, Job, UserId};
use futures_util::future::join_all;
use lambda_runtime::{Context, Error, LambdaEvent};
use store::{JobClaim, Records};
use tracing::{error, info, warn};

use crate::{
    JobError, JobMessage, lease,
    retry::{NextStep, backoff, needs_operator, next_step, without_attempts},
    visibility::deliver_again,
};

/// A job whose lease this worker holds.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The job's owner.
    pub user: UserId,
    /// The job.
    pub job: Job,
    /// The owner of the lease.
    pub owner: String,
}

/// Runs the jobs of one queue.
pub trait Worker: Sync {
    /// Runs a job and ends it. The same transaction stores the result and ends the job.
    fn work(&self, claimed: &ClaimedJob) -> impl Future<Output = Result<(), JobError>> + Send;

    /// Stores a failure for the job's owner, and ends the job.
    fn mark_failed(
        &self,
        claimed: &ClaimedJob,
        failure: Failure,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// The queue that a worker receives jobs from.
#[derive(Debug)]
pub struct Queue {
    sqs: Client,
    url: String,
    /// The delay after the first attempt, if the provider does not ask for another. It doubles with each attempt.
    base_delay: Duration,
}

/// A message was not processed and stays in the queue.
struct Redeliver {
    /// When SQS should deliver it again. `None` keeps the queue's visibility timeout.
    after: Option<Duration>,
}

impl Queue {
    /// The queue with the URL in the variable `queue`. `RETRY_SECONDS` contains the delay after the first attempt.
    ///
    /// # Errors
    /// [`aws::MissingVariable`], or `RETRY_SECONDS` is not a number.
    pub fn from_env(config: &SdkConfig, queue: &'static str) -> Result<Self, Error> {
        let base_delay = Duration::from_secs(aws::var("RETRY_SECONDS")?.parse()?);
        Ok(Self { sqs: Client::new(config), url: aws::var(queue)?, base_delay })
    }

    /// Lets a worker run all jobs of a batch at the same time. Messages of jobs that did not end stay in the queue.
    ///
    /// # Errors
    /// None. The return type is that of a Lambda handler.
    pub async fn work(
        &self,
        records: &Records,
        worker: &impl Worker,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, Error> {
        let (batch, context) = event.into_parts();
        let outcomes = join_all(batch.records.iter().map(async |message| {
            let id = message.message_id.clone().unwrap_or_default();
            let outcome = self.process(records, worker, message, &context).await;
            let Err(Redeliver { after }) = outcome else { return None };
            if let Some(delay) = after {
                self.delay_message(message, delay).await;
            }
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            Some(failure)
        }));
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = outcomes.await.into_iter().flatten().collect();
        Ok(response)
    }

    /// Claims and runs the job of a message.
    async fn process(
        &self,
        records: &Records,
        worker: &impl Worker,
        message: &SqsMessage,
        context: &Context,
    ) -> Result<(), Redeliver> {
        let id = message.message_id.as_deref().unwrap_or_default();
        let parsed = serde_json::from_str(message.body.as_deref().unwrap_or_default());
        let JobMessage { user, job } = parsed.map_err(|cause| {
            error!(message = id, %cause, "parsing a job message failed");
            Redeliver { after: None }
        })?;
        // Each delivery of a message is an owner of its own.
        let lease = lease(format!("{}/{id}", context.request_id), context);
        let claim = records.claim_job(&user, job, &lease, domain::now()).await;
        let claimed = match claim {
            Ok(JobClaim::Taken(job)) => ClaimedJob { user, job: *job, owner: lease.owner },
            Ok(JobClaim::Ended) => {
                info!(%job, "ignored a message: the job has ended");
                return Ok(());
            }
            Ok(JobClaim::NotBefore(time)) => {
                info!(%job, "claiming the job failed: another worker runs it, or it has to wait for its next attempt");
                let seconds = time.saturating_sub(domain::now().as_second());
                let delay = Duration::from_secs(u64::try_from(seconds).unwrap_or_default().max(1));
                return Err(Redeliver { after: Some(delay) });
            }
            Err(error) => {
                let cause = aws::causes(&error);
                match error {
                    CallError::Internal(_) => error!(%job, cause, "claiming the job failed, will retry"),
                    CallError::Unavailable(_) => warn!(%job, cause, "claiming the job failed, will retry"),
                }
                return Err(Redeliver { after: None });
            }
        };
        let outcome = match without_attempts(&claimed.job.task, claimed.job.attempts) {
            Some(failure) => Err(JobError::Permanent(failure)),
            None => worker.work(&claimed).await,
        };
        let Err(error) = outcome else {
            info!(%job, attempts = claimed.job.attempts, "job completed");
            return Ok(());
        };
        self.handle_failure(records, worker, &claimed, error).await
    }

    /// Schedules the next attempt of a job, or marks it as failed. Tasks that retry forever are never marked as failed:
    /// SQS counts the deliveries, and moves their message to the dead-letter queue in the end.
    async fn handle_failure(
        &self,
        records: &Records,
        worker: &impl Worker,
        claimed: &ClaimedJob,
        error: JobError,
    ) -> Result<(), Redeliver> {
        let (job, attempts) = (claimed.job.id, claimed.job.attempts);
        let cause = aws::causes(&error);
        match next_step(error, &claimed.job.task, attempts) {
            NextStep::Retry { delay } => {
                let delay = delay.unwrap_or_else(|| backoff(self.base_delay, attempts, fastrand::f64()));
                warn!(%job, attempts, cause, seconds = delay.as_secs(), "job failed, will retry");
                let not_before = domain::now().as_second().saturating_add_unsigned(delay.as_secs());
                let stored = records.postpone_job(&claimed.user, job, &claimed.owner, not_before).await;
                Err(Redeliver { after: stored.is_ok().then_some(delay) })
            }
            NextStep::Fail(failure) => {
                let code = failure.code.as_str();
                // `ERROR` raises the alarm WorkersErrors.
                if needs_operator(failure.code) {
                    error!(%job, attempts, cause, code, "job failed, will not retry");
                } else {
                    warn!(%job, attempts, cause, code, "job failed, will not retry");
                }
                worker.mark_failed(claimed, failure).await.map_err(|cause| {
                    warn!(%job, cause = aws::causes(&cause), "failed to record job failure, will retry");
                    Redeliver { after: None }
                })
            }
        }
    }

    async fn delay_message(&self, message: &SqsMessage, delay: Duration) {
        let Some(handle) = &message.receipt_handle else { return };
        // If this fails, the message may arrive too early. The job then has to wait for its next attempt, and the message
        // is delayed again.
        deliver_again(&self.sqs, &self.url, handle, delay + Duration::from_secs(1)).await;
    }
}

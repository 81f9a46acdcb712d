//! Runs the jobs of a queue: claims each job, runs it, and retries it or marks it as failed.

use std::{future::Future, time::Duration};

use aws::CallError;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use domain::{Failure, Job, JobId, Lease, UserId};
use futures_util::future::join_all;
use lambda_runtime::{Context, Error, LambdaEvent};
use store::{JobClaim, Records};
use telemetry::Measurement;
use tracing::{Instrument, error, info, warn};

use crate::{
    JobError, JobMessage, correlation_id, lease,
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
    /// Whether a message that has to wait is sent again. If not, it stays in the queue and is hidden.
    sends_again: bool,
}

/// A message was not processed, and the job needs another one.
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
        Ok(Self { sqs: Client::new(config), url: aws::var(queue)?, base_delay, sends_again: false })
    }

    /// For a queue of which very many messages may wait for a long time: a message that has to wait is sent again and
    /// then deleted. A hidden message counts as in flight, and with about 120,000 of those SQS delivers no more
    /// messages of the queue. A message that was sent with a delay does not count (Amazon SQS Developer Guide, "Amazon
    /// SQS message timers").
    #[must_use]
    pub fn that_sends_again(self) -> Self {
        Self { sends_again: true, ..self }
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
            if let Some(delay) = after
                && self.put_off(message, delay).await
            {
                return None;
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
            error!(message_id = id, %cause, "parsing a job message failed");
            Redeliver { after: None }
        })?;
        // Each delivery of a message is an owner of its own.
        let lease = lease(format!("{}/{id}", context.request_id), context);
        // Until the job was read, its own id has to do.
        let span = telemetry::correlated(job);
        self.run(records, worker, (user, job), lease).instrument(span).await
    }

    /// Claims and runs a job.
    async fn run(
        &self,
        records: &Records,
        worker: &impl Worker,
        (user, job): (UserId, JobId),
        lease: Lease,
    ) -> Result<(), Redeliver> {
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
        telemetry::correlate(correlation_id(&claimed.job));
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
                let emf = Measurement::JobFailed { code }.emf();
                // `ERROR` raises the alarm WorkersErrors.
                if needs_operator(failure.code) {
                    error!(%job, attempts, cause, code, emf, "job failed, will not retry");
                } else {
                    warn!(%job, attempts, cause, code, emf, "job failed, will not retry");
                }
                worker.mark_failed(claimed, failure).await.map_err(|cause| {
                    warn!(%job, cause = aws::causes(&cause), "failed to record job failure, will retry");
                    Redeliver { after: None }
                })
            }
        }
    }

    /// Lets SQS deliver the job's message again after a delay. Returns whether another message replaces this one.
    async fn put_off(&self, message: &SqsMessage, delay: Duration) -> bool {
        // If the next message arrives too early, the job still has to wait, and that message is put off again.
        let delay = delay + Duration::from_secs(1);
        if self.sends_again {
            return self.send_again(message, delay).await;
        }
        if let Some(handle) = &message.receipt_handle {
            deliver_again(&self.sqs, &self.url, handle, delay).await;
        }
        false
    }

    /// Sends a message again. Lambda then deletes the received one. If the worker dies in between, the job has two
    /// messages, of which only one can claim it.
    async fn send_again(&self, message: &SqsMessage, delay: Duration) -> bool {
        let Ok(again) = serde_json::from_str::<JobMessage>(message.body.as_deref().unwrap_or_default())
        else {
            return false;
        };
        let sent = again.send(&self.sqs, &self.url, delay).await;
        if let Err(error) = &sent {
            let cause = aws::causes(error);
            warn!(cause, "could not send a message again, it stays for the visibility timeout of the queue");
        }
        sent.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use domain::{DeliveryId, Task, WebhookId};
    use serde_json::{Value, json};
    use test_support::{FakeAws, USER, error, item, ok};

    use super::*;

    /// A worker for jobs that have to wait.
    struct Waits;

    impl Worker for Waits {
        async fn work(&self, _claimed: &ClaimedJob) -> Result<(), JobError> {
            unreachable!("no test lets a worker claim a job")
        }

        async fn mark_failed(&self, _claimed: &ClaimedJob, _failure: Failure) -> Result<(), CallError> {
            unreachable!("no test lets a job fail")
        }
    }

    fn job() -> Job {
        let delivery = DeliveryId::derived(domain::now(), 1);
        let task = Task::DeliverWebhook { webhook: WebhookId::generate(), delivery, on_request: false };
        Job::new("01JZ8Q4T2N6V5X3R9C7M1K0B8D".parse().unwrap(), task)
    }

    /// DynamoDB refuses the claim of a job that has to wait for ten hours.
    fn refused(job: &Job) -> (&'static str, u16, Value) {
        let not_before = Some(domain::now().as_second() + 36_000);
        let mut body = item(&serde_json::to_value(Job { not_before, ..job.clone() }).unwrap());
        body["__type"] = json!("ConditionalCheckFailedException");
        ("UpdateItem", 400, body)
    }

    /// Receives the message of a job that has to wait. Returns the answer to Lambda, and the call to SQS.
    async fn receive(sends_again: bool, to_sqs: (&'static str, u16, Value)) -> (Value, (String, Value)) {
        let job = job();
        let aws = FakeAws::new([refused(&job), to_sqs]);
        let queue = Queue {
            sqs: Client::new(&aws.config()),
            url: "queue".to_owned(),
            base_delay: Duration::from_secs(10),
            sends_again,
        };
        let body = json!({"user": USER, "job": job.id}).to_string();
        let message = json!({
            "messageId": "m", "receiptHandle": "handle", "body": body, "messageAttributes": {}, "attributes": {},
            "md5OfBody": "x", "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
        });
        let event = serde_json::from_value(json!({"Records": [message]})).unwrap();
        let mut context = Context::default();
        context.deadline = u64::try_from(domain::now().as_millisecond()).unwrap() + 60_000;
        let answer = queue.work(&aws.records(), &Waits, LambdaEvent::new(event, context)).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap()["batchItemFailures"].take();
        (answer, aws.calls().pop().unwrap())
    }

    #[tokio::test]
    async fn a_message_that_has_to_wait_is_hidden() {
        let (answer, (_, input)) = receive(false, ok("ChangeMessageVisibility", json!({}))).await;
        assert_eq!(answer[0]["itemIdentifier"], "m", "{answer}");
        let seconds = input["VisibilityTimeout"].as_i64().unwrap();
        assert!((35_990..=36_001).contains(&seconds), "{seconds}");
    }

    #[tokio::test]
    async fn a_message_that_has_to_wait_is_sent_again_with_the_longest_delay_and_deleted() {
        let (answer, (operation, input)) = receive(true, ok("SendMessage", json!({"MessageId": "n"}))).await;
        assert_eq!(answer, json!([]));
        assert_eq!((operation.as_str(), &input["DelaySeconds"]), ("SendMessage", &json!(900)));
        assert_eq!((&input["QueueUrl"], &input["MessageGroupId"]), (&json!("queue"), &json!(USER)));
        let body: Value = serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(body["user"], USER);
    }

    #[tokio::test]
    async fn a_message_that_could_not_be_sent_again_stays() {
        let (answer, _) = receive(true, error("SendMessage", "AccessDenied")).await;
        assert_eq!(answer[0]["itemIdentifier"], "m", "{answer}");
    }
}

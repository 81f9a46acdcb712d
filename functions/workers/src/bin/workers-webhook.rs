//! Runs webhook jobs: delivers events to the receivers that users chose.
//!
//! A delivery counts its own attempts, so a worker that dies in an attempt uses up none. Each attempt that fails is
//! followed by a longer pause. After the last one, the delivery fails, and the webhook is disabled unless another
//! delivery has succeeded, or the owner has changed the webhook, meanwhile. A delivery that its owner asked for has one
//! attempt.

use std::time::Duration;

use aws::CallError;
use domain::{
    Attempt, AttemptError, Delivery, DeliveryId, DeliveryStatus, DisabledReason, Failure, Task, Timestamp,
    Webhook, WebhookId,
};
use lambda_runtime::{Error, service_fn};
use providers::{Attempted, Reach, WebhookClient};
use store::{DeliveryWork, Records};
use tracing::{info, warn};
use workers::{ClaimedJob, JobError, Queue, Worker};

/// The longest pause, even if the receiver asks for more.
const MAX_PAUSE: Duration = Duration::from_secs(11 * 60 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    // If a receiver is away, each of its events waits for up to eleven hours between two attempts.
    let queue = Queue::from_env(&config, "WEBHOOKS_QUEUE")?.that_sends_again();
    let worker = WebhookWorker {
        records: Records::from_env(&config)?,
        client: WebhookClient::new(Reach::from_env()?)?,
        pauses: parse_pauses(&aws::var("WEBHOOK_PAUSES")?)?,
    };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct WebhookWorker {
    records: Records,
    client: WebhookClient,
    /// The pauses between the attempts of a delivery.
    pauses: Vec<Duration>,
}

impl Worker for WebhookWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let Task::DeliverWebhook { webhook, delivery, on_request } = claimed.job.task else {
            return Err(JobError::wrong_worker());
        };
        let Some(work) = self.records.delivery_work(&claimed.user, webhook, delivery).await? else {
            info!(%webhook, %delivery, "ignored a delivery: its webhook or its record is gone");
            return Ok(self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await?);
        };
        if !work.webhook.enabled && !on_request {
            let refused = Attempt {
                at: domain::now(),
                duration_ms: 0,
                status: None,
                error: Some(AttemptError::Disabled),
            };
            return Ok(self
                .finish(claimed, (webhook, delivery), DeliveryStatus::Failed, Some(&refused))
                .await?);
        }
        if !on_request && let Some(delay) = rest_of_pause(work.delivery.next_attempt_at, domain::now()) {
            // The worker of the latest attempt stored it, but did not postpone the job.
            let cause = "the pause after the latest attempt is not over".to_owned();
            return Err(JobError::NotYet { delay, cause });
        }
        let attempted = self.attempt(&work).await?;
        let Attempt { status, error, duration_ms, .. } = attempted.attempt;
        info!(%webhook, %delivery, ?status, ?error, duration_ms, "tried to deliver an event");
        if error.is_none() {
            return self.succeed(claimed, &work, &attempted.attempt).await;
        }
        self.fail(claimed, &work, &attempted, on_request).await
    }

    /// Ends a delivery whose attempts could not be made, because of a fault on our side. That is no reason to disable
    /// the webhook.
    async fn mark_failed(&self, claimed: &ClaimedJob, _failure: Failure) -> Result<(), CallError> {
        let Task::DeliverWebhook { webhook, delivery, .. } = claimed.job.task else {
            return self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await;
        };
        let failed =
            Attempt { at: domain::now(), duration_ms: 0, status: None, error: Some(AttemptError::Internal) };
        self.finish(claimed, (webhook, delivery), DeliveryStatus::Failed, Some(&failed)).await
    }
}

impl WebhookWorker {
    async fn attempt(&self, work: &DeliveryWork) -> Result<Attempted, CallError> {
        let DeliveryWork { webhook, secrets, delivery } = work;
        let body = serde_json::to_vec(&delivery.event).map_err(CallError::internal)?;
        Ok(self.client.deliver(&webhook.url, &delivery.event.id, secrets, body.into()).await)
    }

    async fn succeed(
        &self,
        claimed: &ClaimedJob,
        DeliveryWork { webhook, delivery, .. }: &DeliveryWork,
        attempt: &Attempt,
    ) -> Result<(), JobError> {
        // Before the job ends, so that a crash between the two cannot let the webhook be disabled.
        if is_worth_noting(webhook.last_success_at, attempt.at) {
            self.records.note_webhook_success(&claimed.user, webhook.id, attempt.at).await?;
        }
        let ids = (webhook.id, delivery.id);
        Ok(self.finish(claimed, ids, DeliveryStatus::Delivered, Some(attempt)).await?)
    }

    async fn fail(
        &self,
        claimed: &ClaimedJob,
        DeliveryWork { webhook, delivery, .. }: &DeliveryWork,
        attempted: &Attempted,
        on_request: bool,
    ) -> Result<(), JobError> {
        let ids = (webhook.id, delivery.id);
        let attempt = &attempted.attempt;
        if !on_request && attempted.is_gone() {
            self.disable(claimed, webhook, DisabledReason::Gone, attempt.at).await?;
        } else if !on_request && let Some(pause) = self.pause_after(delivery, attempted.retry_after) {
            // The pause of the job begins now too, and the attempt may have lasted ten seconds.
            let next = domain::now().as_second().saturating_add_unsigned(pause.as_secs());
            let next = Timestamp::from_second(next).unwrap_or(Timestamp::MAX);
            self.records.note_failed_attempt(&claimed.user, delivery, attempt, next).await?;
            let cause = match (attempt.status, attempt.error) {
                (Some(status), _) => format!("the receiver answered {status}"),
                (None, error) => format!("no answer: {error:?}"),
            };
            return Err(JobError::NotYet { delay: pause, cause });
        } else if !on_request && webhook.updated_at <= delivery.created_at {
            // If the owner has changed the webhook since, some attempts may have gone to another address. Or the owner
            // has enabled the webhook again, and an older delivery must not disable it at once.
            self.disable(claimed, webhook, DisabledReason::Failing, failing_since(delivery)).await?;
        }
        Ok(self.finish(claimed, ids, DeliveryStatus::Failed, Some(attempt)).await?)
    }

    /// Stops the deliveries to a webhook, unless one has succeeded since `since`, or the owner has just changed the
    /// webhook.
    async fn disable(
        &self,
        claimed: &ClaimedJob,
        webhook: &Webhook,
        reason: DisabledReason,
        since: Timestamp,
    ) -> Result<(), CallError> {
        let times = (since, domain::now());
        if self.records.disable_webhook(&claimed.user, webhook, reason, times).await? {
            warn!(user = %claimed.user, webhook = %webhook.id, ?reason, "disabled a webhook");
        }
        Ok(())
    }

    async fn finish(
        &self,
        claimed: &ClaimedJob,
        ids: (WebhookId, DeliveryId),
        status: DeliveryStatus,
        attempt: Option<&Attempt>,
    ) -> Result<(), CallError> {
        let ClaimedJob { user, job, owner } = claimed;
        self.records.finish_delivery(user, job.id, owner, ids, (status, attempt)).await
    }

    /// The pause after the attempt that follows the attempts of a delivery. The receiver can ask for a longer one.
    /// `None` if no attempt follows.
    fn pause_after(&self, delivery: &Delivery, asked: Option<Duration>) -> Option<Duration> {
        let pause = *self.pauses.get(usize::try_from(delivery.attempts).ok()?)?;
        // A tenth more or less, so that deliveries that failed together are not repeated together.
        let varied = pause.mul_f64(0.9 + fastrand::f64() / 5.0);
        Some(varied.max(asked.unwrap_or_default()).clamp(Duration::from_secs(1), MAX_PAUSE))
    }
}

/// What is left of the pause before the next attempt of a delivery. `None` if the attempt may begin.
fn rest_of_pause(next_attempt_at: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let seconds = next_attempt_at?.as_second() - now.as_second();
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// A success after this time keeps a failed delivery from disabling its webhook. Not every success is stored: the
/// stored one may be [`Webhook::SUCCESS_SECONDS`] older than the last one.
fn failing_since(delivery: &Delivery) -> Timestamp {
    let since = delivery.created_at.as_second() - Webhook::SUCCESS_SECONDS;
    Timestamp::from_second(since).unwrap_or(Timestamp::MIN)
}

/// Whether a success is stored: the stored one is old, or there is none.
fn is_worth_noting(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.as_second() - last.as_second() >= Webhook::SUCCESS_SECONDS)
}

/// Parses the pauses: seconds, separated by commas.
fn parse_pauses(text: &str) -> Result<Vec<Duration>, std::num::ParseIntError> {
    text.split(',').map(|seconds| seconds.trim().parse().map(Duration::from_secs)).collect()
}

#[cfg(test)]
mod tests {
    use domain::JobId;
    use serde_json::{Value, json};
    use test_support::{FakeAws, FakeServer, batch, error, ok};
    use tokio::net::TcpSocket;

    use super::*;

    const ID: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";

    fn stored(url: &str, enabled: bool, attempts: u32) -> Value {
        let time = "2026-03-12T19:03:50Z";
        let event = json!({
            "specversion": "1.0", "id": "evt_1", "source": "/darkroom/test", "type": "webhook.test",
            "subject": "webhooks/1", "time": time, "datacontenttype": "application/json", "data": {"user": "ann"},
        });
        batch(&[
            json!({
                "sk": format!("WEBHOOK#{ID}"), "webhook_id": ID, "url": url, "enabled": enabled,
                "created_at": time, "updated_at": time,
            }),
            json!({"sk": format!("WEBHOOKSECRETS#{ID}"), "current": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
            json!({
                "sk": format!("DELIVERY#{ID}#{ID}"), "delivery_id": ID, "webhook": ID, "event": event,
                "status": "pending", "attempts": attempts, "created_at": time, "expires_at": 9_999_999_999_u64,
            }),
        ])
    }

    /// A receiver that answers each request with this status.
    fn receiver(status: u16) -> String {
        format!("{}/", FakeServer::new(std::iter::repeat((status, Value::Null))).url())
    }

    /// The pauses that the template sets.
    fn default_pauses() -> Vec<Duration> {
        let template = include_str!("../../../../template.yaml");
        let (_, parameter) = template.split_once("\n  WebhookPauses:").unwrap();
        let (_, default) = parameter.split_once("Default: \"").unwrap();
        parse_pauses(default.split_once('"').unwrap().0).unwrap()
    }

    async fn run(aws: &FakeAws, on_request: bool) -> (Result<(), JobError>, Vec<(String, Value)>) {
        run_with(aws, parse_pauses("5, 300").unwrap(), on_request).await
    }

    async fn run_with(
        aws: &FakeAws,
        pauses: Vec<Duration>,
        on_request: bool,
    ) -> (Result<(), JobError>, Vec<(String, Value)>) {
        let client = WebhookClient::new(Reach::Any).unwrap();
        let worker = WebhookWorker { records: aws.records(), client, pauses };
        let id: JobId = ID.parse().unwrap();
        let (webhook, delivery) = (ID.parse().unwrap(), ID.parse().unwrap());
        let job = domain::Job::new(id, Task::DeliverWebhook { webhook, delivery, on_request });
        let claimed = ClaimedJob { user: "ann".parse().unwrap(), job, owner: "owner".to_owned() };
        (worker.work(&claimed).await, aws.calls())
    }

    /// Runs a job whose attempt is noted in the webhook and ends the delivery. Returns both writes.
    async fn run_to_the_end(status: u16, attempts: u32) -> (Value, Value) {
        let url = receiver(status);
        let aws = FakeAws::new([
            ok("BatchGetItem", stored(&url, true, attempts)),
            ok("UpdateItem", json!({})),
            ok("TransactWriteItems", json!({})),
        ]);
        let (outcome, calls) = run(&aws, false).await;
        outcome.unwrap();
        assert_eq!(operations(&calls), ["BatchGetItem", "UpdateItem", "TransactWriteItems"]);
        (calls[1].1.clone(), calls[2].1["TransactItems"][1]["Update"].clone())
    }

    fn operations(calls: &[(String, Value)]) -> Vec<&str> {
        calls.iter().map(|(operation, _)| operation.as_str()).collect()
    }

    /// The value that an update gives an attribute.
    fn new_value<'a>(update: &'a Value, attribute: &str) -> &'a Value {
        let expression = update["UpdateExpression"].as_str().unwrap();
        let (_, rest) = expression.split_once(&format!("#{attribute} = ")).unwrap();
        let placeholder = rest.split([',', ' ']).next().unwrap();
        &update["ExpressionAttributeValues"][placeholder]
    }

    /// The values that an update writes.
    fn values(update: &Value) -> String {
        update["ExpressionAttributeValues"].to_string()
    }

    #[tokio::test]
    async fn a_success_is_noted_and_ends_the_job() {
        let (_, delivery) = run_to_the_end(200, 0).await;
        assert!(values(&delivery).contains("delivered"), "{delivery}");
    }

    #[tokio::test]
    async fn a_failure_is_repeated_after_the_pause_of_its_attempt() {
        let url = receiver(500);
        for (attempts, seconds) in [(0, 4..=6), (1, 270..=330)] {
            let aws =
                FakeAws::new([ok("BatchGetItem", stored(&url, true, attempts)), ok("UpdateItem", json!({}))]);
            let (outcome, calls) = run(&aws, false).await;
            let Err(JobError::NotYet { delay, cause }) = outcome else { panic!("{outcome:?}") };
            assert!(seconds.contains(&delay.as_secs()), "{delay:?}");
            assert_eq!(cause, "the receiver answered 500");
            assert_eq!(operations(&calls), ["BatchGetItem", "UpdateItem"]);
        }
    }

    /// The receiver goes down at the moment of the event, so this event waits longer than those after it.
    #[tokio::test]
    async fn a_receiver_that_is_down_for_an_hour_gets_the_event_with_the_fifth_attempt() {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        // A port that is bound but does not listen refuses connections, and no other program can take it.
        let port = TcpSocket::new_v4().unwrap();
        port.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let url = format!("http://{}/hook", port.local_addr().unwrap());
        // The time since the event. Only this clock moves, by the pauses for which the worker asks.
        let (mut clock, mut attempts) = (Duration::ZERO, 0);
        while clock < HOUR {
            let stored = stored(&url, true, attempts);
            let aws = FakeAws::new([ok("BatchGetItem", stored), ok("UpdateItem", json!({}))]);
            let (outcome, calls) = run_with(&aws, default_pauses(), false).await;
            let Err(JobError::NotYet { delay, cause }) = outcome else { panic!("{outcome:?}") };
            assert_eq!(cause, "no answer: Some(NotConnected)");
            // The only write is that of the attempt, so nothing disables the webhook.
            assert_eq!(operations(&calls), ["BatchGetItem", "UpdateItem"]);
            let update = &calls[1].1;
            assert!(values(update).contains("not-connected"), "{update}");
            assert_eq!(new_value(update, "attempts")["N"], (attempts + 1).to_string());
            let next: Timestamp =
                new_value(update, "next_attempt_at")["S"].as_str().unwrap().parse().unwrap();
            let shown = next.as_second() - domain::now().as_second();
            assert!((shown - i64::try_from(delay.as_secs()).unwrap()).abs() <= 1, "{shown} {delay:?}");
            (clock, attempts) = (clock + delay, attempts + 1);
        }
        assert_eq!(attempts, 4);
        // 2:35 hours after the event, a tenth more or less.
        assert!((8_374..=10_236).contains(&clock.as_secs()), "{clock:?}");
        let listener = port.listen(1).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        let receiver = FakeServer::on(listener, [(200, Value::Null)]);
        let aws = FakeAws::new([
            ok("BatchGetItem", stored(&url, true, attempts)),
            ok("UpdateItem", json!({})),
            ok("TransactWriteItems", json!({})),
        ]);
        let (outcome, calls) = run_with(&aws, default_pauses(), false).await;
        outcome.unwrap();
        assert_eq!(receiver.requests(), ["POST /hook"]);
        let success = &calls[1].1;
        assert!(new_value(success, "last_success_at")["S"].is_string(), "{success}");
        let delivery = &calls[2].1["TransactItems"][1]["Update"];
        assert_eq!(new_value(delivery, "status")["S"], "delivered");
    }

    #[tokio::test]
    async fn a_delivery_whose_job_was_not_postponed_waits_for_its_next_attempt() {
        let next = Timestamp::from_second(domain::now().as_second() + 3_600).unwrap();
        let mut stored = stored("http://127.0.0.1:1/", true, 3);
        stored["Responses"]["table"][2]["next_attempt_at"] = json!({"S": next.to_string()});
        let aws = FakeAws::new([ok("BatchGetItem", stored)]);
        let (outcome, calls) = run(&aws, false).await;
        let Err(JobError::NotYet { delay, .. }) = outcome else { panic!("{outcome:?}") };
        assert!((3_590..=3_600).contains(&delay.as_secs()), "{delay:?}");
        assert_eq!(operations(&calls), ["BatchGetItem"]);
    }

    #[test]
    fn the_next_attempt_may_begin_at_the_time_that_the_delivery_shows() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let rest = |now| rest_of_pause(Some(at(100)), at(now));
        assert_eq!(rest(99), Some(Duration::from_secs(1)));
        assert_eq!((rest(100), rest(101)), (None, None));
        // No attempt was made yet.
        assert_eq!(rest_of_pause(None, at(0)), None);
    }

    #[tokio::test]
    async fn an_attempt_whose_write_is_repeated_counts_once() {
        let url = receiver(500);
        // The answer to the first write was lost, so DynamoDB refuses the repetition.
        let aws = FakeAws::new([
            ok("BatchGetItem", stored(&url, true, 1)),
            error("UpdateItem", "ConditionalCheckFailedException"),
        ]);
        let (outcome, calls) = run(&aws, false).await;
        assert!(matches!(outcome, Err(JobError::NotYet { .. })), "{outcome:?}");
        let update = &calls[1].1;
        let condition = update["ConditionExpression"].as_str().unwrap();
        let (_, before) = condition.split_once("#attempts = ").unwrap();
        assert_eq!(update["ExpressionAttributeValues"][before]["N"], "1");
        assert!(values(update).contains(r#"{"N":"2"}"#), "{update}");
    }

    #[tokio::test]
    async fn the_last_failure_disables_the_webhook() {
        let (webhook, delivery) = run_to_the_end(500, 2).await;
        assert!(values(&webhook).contains("failing"), "{webhook}");
        // A success an hour before the delivery may stand for a later one that was not stored.
        assert!(values(&webhook).contains("2026-03-12T18:03:50Z"), "{webhook}");
        // A change by the owner during the attempt keeps the webhook enabled.
        let condition = webhook["ConditionExpression"].as_str().unwrap();
        let (_, before) = condition.split_once("#updated_at = ").unwrap();
        assert_eq!(webhook["ExpressionAttributeValues"][before]["S"], "2026-03-12T19:03:50Z");
        assert!(values(&delivery).contains("failed"), "{delivery}");
    }

    #[tokio::test]
    async fn a_delivery_from_before_the_owners_latest_change_does_not_disable_the_webhook() {
        let mut stored = stored(&receiver(500), true, 2);
        stored["Responses"]["table"][0]["updated_at"] = json!({"S": "2026-03-12T19:03:51Z"});
        let aws = FakeAws::new([ok("BatchGetItem", stored), ok("TransactWriteItems", json!({}))]);
        let (outcome, calls) = run(&aws, false).await;
        outcome.unwrap();
        assert_eq!(operations(&calls), ["BatchGetItem", "TransactWriteItems"]);
        let delivery = &calls[1].1["TransactItems"][1]["Update"];
        assert_eq!(new_value(delivery, "status")["S"], "failed");
    }

    #[tokio::test]
    async fn a_receiver_that_is_gone_gets_nothing_more() {
        let (webhook, delivery) = run_to_the_end(410, 0).await;
        assert!(values(&webhook).contains("gone"), "{webhook}");
        assert!(values(&delivery).contains("failed"), "{delivery}");
    }

    #[tokio::test]
    async fn what_the_owner_asked_for_has_one_attempt_and_disables_nothing() {
        let url = receiver(500);
        // The webhook is disabled, and the attempt is made nevertheless.
        let aws =
            FakeAws::new([ok("BatchGetItem", stored(&url, false, 0)), ok("TransactWriteItems", json!({}))]);
        let (outcome, calls) = run(&aws, true).await;
        outcome.unwrap();
        assert_eq!(operations(&calls), ["BatchGetItem", "TransactWriteItems"]);
        assert!(calls[1].1.to_string().contains("\"500\""), "{calls:?}");
    }

    #[tokio::test]
    async fn a_disabled_webhook_gets_nothing_and_the_delivery_says_so_unless_it_shows_an_attempt() {
        let aws = FakeAws::new([
            ok("BatchGetItem", stored("http://127.0.0.1:1/", false, 1)),
            ok("TransactWriteItems", json!({})),
        ]);
        let (outcome, calls) = run(&aws, false).await;
        outcome.unwrap();
        let update = &calls[1].1["TransactItems"][1]["Update"];
        assert!(values(update).contains("disabled") && values(update).contains("failed"), "{update}");
        let expression = update["UpdateExpression"].as_str().unwrap();
        assert!(expression.contains("#last_attempt = if_not_exists(#last_attempt, "), "{expression}");
        assert!(!expression.contains("#attempts"), "{expression}");
    }

    #[tokio::test]
    async fn a_delivery_whose_webhook_was_deleted_ends() {
        let aws = FakeAws::new([ok("BatchGetItem", batch(&[])), ok("TransactWriteItems", json!({}))]);
        let (outcome, calls) = run(&aws, false).await;
        outcome.unwrap();
        assert_eq!(operations(&calls), ["BatchGetItem", "TransactWriteItems"]);
    }

    #[test]
    fn the_pauses_of_the_template_last_for_more_than_a_day() {
        let pauses = default_pauses();
        // Even with a tenth less.
        assert!(pauses.iter().sum::<Duration>().mul_f64(0.9) > Duration::from_secs(24 * 60 * 60));
        assert!(pauses.iter().all(|pause| pause.mul_f64(1.1) <= MAX_PAUSE));
        assert!(pauses.is_sorted());
    }

    /// docs/WEBHOOKS.md contains these times.
    #[test]
    fn an_event_arrives_soon_after_a_receiver_that_was_down_for_an_hour_works_again() {
        let pauses = default_pauses();
        // The time from the event to an attempt, if each pause is a tenth shorter or longer.
        let begins = |attempt: usize, factor: f64| {
            pauses[..attempt - 1].iter().sum::<Duration>().mul_f64(factor).as_secs() / 60
        };
        assert!(begins(4, 0.9) >= 30 && begins(4, 1.1) < 40);
        assert!(begins(5, 0.9) >= 60 && begins(5, 1.1) < 2 * 60 + 52);
    }

    #[test]
    fn a_success_is_noted_once_an_hour() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(is_worth_noting(None, at(0)));
        assert!(!is_worth_noting(Some(at(0)), at(3599)));
        assert!(is_worth_noting(Some(at(0)), at(3600)));
    }
}

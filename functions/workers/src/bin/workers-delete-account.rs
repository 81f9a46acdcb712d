//! Deletes accounts: everything of a user in the table, in both buckets and in Dropbox, and then the user in Cognito.
//!
//! The job can be interrupted anywhere. Each run looks for what is left, so it continues where an earlier run stopped.
//! A run that has no time left enqueues the next one. While jobs for Dropbox have not ended, the job waits like one
//! that has failed.
//!
//! A schedule invokes the same function. Users can delete themselves with Cognito's own `DeleteUser`, and operators can
//! delete users in the console. The scheduled run finds accounts whose user is gone from the pool, and requests their
//! deletion.

use std::time::{Duration, Instant};

use aws::CallError;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_types::SdkConfig;
use domain::{Failure, Job, Task, Timestamp, UserId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use store::{Objects, Records};
use tracing::{error, info, warn};
use workers::{ClaimedJob, JobError, Pool, Queue, Worker};

/// How long a run works. It is less than the timeout in template.yaml, by the time of the last steps.
const WORK_TIME: Duration = Duration::from_secs(200);

/// How long a run waits for jobs to end, before it lets SQS deliver the message again.
const WAIT_TIME: Duration = Duration::from_secs(10);

/// The number of groups of users. Each scheduled run looks at one group, the users whose ids have the same first two
/// hexadecimal digits. With a run every 15 minutes, it takes less than three days to look at all users.
const GROUPS: i64 = 256;

/// The time between two scheduled runs in template.yaml, in seconds.
const PERIOD: i64 = 15 * 60;

/// For how long each run must miss a user in the pool before the account is deleted, in seconds. An operator has this
/// time to notice that a pool is incomplete.
const MISSING_SECONDS: i64 = 3 * 24 * 60 * 60;

/// How long the list of the pool may lack a user who exists, in seconds. Amazon Cognito's documentation names no time
/// (Amazon Cognito API Reference, "ListUsers").
const LISTED_SECONDS: i64 = 10 * 60;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let (worker, queue) = (AccountWorker::from_env(&config)?, Queue::from_env(&config, "ACCOUNTS_QUEUE")?);
    lambda_runtime::run(service_fn(|event| worker.handle(&queue, event))).await
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    /// What an operator sends: looks at the users whose ids begin with this text.
    Prefix { prefix: String },
    /// A "Scheduled Event" of Amazon EventBridge.
    Scheduled {
        /// When the run was due. A retry looks at the same users.
        time: Timestamp,
    },
    /// Messages with jobs.
    Jobs(SqsEvent),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Checked(Checked),
    Jobs(SqsBatchResponse),
}

/// The result of a scheduled run.
#[derive(Debug, Default, Serialize)]
struct Checked {
    /// The number of users that were looked at.
    users: usize,
    /// The number of users that the pool does not have.
    missing: usize,
    /// The number of accounts whose deletion was requested.
    requested: usize,
}

struct AccountWorker {
    records: Records,
    objects: Objects,
    pool: Pool,
}

impl Worker for AccountWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Task::DeleteAccount { username, is_missing } = &job.task else {
            return Err(JobError::wrong_worker());
        };
        let until = Instant::now() + WORK_TIME;
        let name = self.pool.name_of(user, username.as_deref()).await?;
        if *is_missing && name.is_some() {
            self.records.keep_account(user, job.id, owner).await?;
            warn!(%user, "the user is in the pool after all, so the account is kept");
            return Ok(());
        }
        if let Some(name) = &name {
            self.pool.disable(name).await?;
        }
        let is_empty = self.delete_items(user, until).await?
            && self.objects.remove_user(user, until).await?
            && self.bury(user, until).await?;
        if !is_empty {
            self.records.finish_and_enqueue(user, job.id, owner, job.task.clone()).await?;
            info!(%user, "deleted a part of an account, the rest follows");
            return Ok(());
        }
        if let Some(name) = &name {
            self.pool.delete(name).await?;
        } else if may_be_listed_later(job, domain::now()) {
            return Err(CallError::Unavailable("the user pool does not list the user".into()).into());
        }
        self.records.end_job(user, job.id, owner).await?;
        info!(%user, "deleted an account");
        Ok(())
    }

    /// Ends a job that was sent to the wrong queue. The deletion of an account is retried until it succeeds.
    async fn mark_failed(&self, claimed: &ClaimedJob, _failure: Failure) -> Result<(), CallError> {
        self.records.end_job(&claimed.user, claimed.job.id, &claimed.owner).await
    }
}

impl AccountWorker {
    fn from_env(config: &SdkConfig) -> Result<Self, Error> {
        let (records, objects) = (Records::from_env(config)?, Objects::from_env(config)?);
        Ok(Self { records, objects, pool: Pool::from_env(config)? })
    }

    async fn handle(&self, queue: &Queue, event: LambdaEvent<Event>) -> Result<Outcome, Error> {
        let (event, context) = event.into_parts();
        let prefix = match event {
            Event::Jobs(jobs) => {
                let batch = LambdaEvent::new(jobs, context);
                return queue.work(&self.records, self, batch).await.map(Outcome::Jobs);
            }
            Event::Prefix { prefix } => prefix,
            Event::Scheduled { time } => group(time),
        };
        Ok(Outcome::Checked(self.check_users(&prefix).await?))
    }

    /// Replaces the profile by a tombstone, and deletes what `workers-stream` wrote before it could see the tombstone.
    /// Returns whether there was enough time.
    async fn bury(&self, user: &UserId, until: Instant) -> Result<bool, CallError> {
        self.records.delete_tier_joins(user).await?;
        self.records.put_tombstone(user, domain::now()).await?;
        self.delete_items(user, until).await
    }

    /// Deletes the items of a user, and waits for jobs of Dropbox. Returns whether there was enough time.
    async fn delete_items(&self, user: &UserId, until: Instant) -> Result<bool, CallError> {
        const PAUSE: Duration = Duration::from_millis(500);
        let patience = until.min(Instant::now() + WAIT_TIME);
        loop {
            let rest = self.records.delete_account_items(user, until).await?;
            if rest.deleted > 0 {
                info!(%user, items = rest.deleted, "deleted items of an account");
            }
            if !rest.is_complete {
                return Ok(false);
            }
            if rest.deleted == 0 && rest.jobs == 0 {
                return Ok(true);
            }
            if rest.deleted == 0 {
                if Instant::now() >= patience {
                    let cause = format!("{} jobs for Dropbox have not ended", rest.jobs);
                    return Err(CallError::Unavailable(cause.into()));
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Looks for users whose ids begin with `prefix` and whom the pool does not have.
    async fn check_users(&self, prefix: &str) -> Result<Checked, CallError> {
        let (mut checked, until) = (Checked::default(), Instant::now() + WORK_TIME);
        if !self.records.belongs_to_pool(self.pool.id()).await? {
            error!("the table belongs to another user pool, so no account is deleted");
            return Ok(checked);
        }
        for tier in self.records.tiers().await? {
            for user in self.records.users_with_prefix(&tier.id, prefix).await? {
                if Instant::now() >= until {
                    warn!(prefix, "there was not enough time to look at all users");
                    return Ok(checked);
                }
                checked.users += 1;
                // One after the other, because all functions share the rate that Cognito allows (Quotas in Amazon
                // Cognito).
                if self.pool.listed_name_of(&user).await?.is_none() {
                    checked.missing += 1;
                    checked.requested += usize::from(self.is_requested(&user).await?);
                } else if self.records.note_found_user(&user).await? {
                    info!(%user, "the pool has a user again who was missing");
                }
            }
        }
        let Checked { users, missing, requested } = checked;
        info!(prefix, users, missing, requested, "looked for accounts without a user in the pool");
        Ok(checked)
    }

    /// Requests the deletion of an account whose user was missing in all runs for long enough. Returns whether it did.
    async fn is_requested(&self, user: &UserId) -> Result<bool, CallError> {
        let now = domain::now();
        let since = self.records.note_missing_user(user, now).await?;
        if since.is_none_or(|since| now.as_second() - since.as_second() < MISSING_SECONDS) {
            return Ok(false);
        }
        info!(%user, "the user is gone from the pool, so the account is deleted");
        self.records.request_deletion_of_missing_user(user, now).await
    }
}

/// Whether the list of the pool may lack the user of a job although the user exists. Only a job of an earlier version has
/// to find its user in the list. The next attempt looks again.
fn may_be_listed_later(job: &Job, now: Timestamp) -> bool {
    let needs_list = job.task == Task::DeleteAccount { username: None, is_missing: false };
    needs_list && now.as_second() - job.id.time().as_second() < LISTED_SECONDS
}

/// What the ids of the group of a scheduled run begin with.
fn group(time: Timestamp) -> String {
    format!("{:02x}", time.as_second().div_euclid(PERIOD).rem_euclid(GROUPS))
}

#[cfg(test)]
mod tests {
    use domain::JobId;
    use serde_json::json;
    use test_support::{FakeAws, USER, items, ok, profile, tier};

    use super::*;

    fn worker(aws: &FakeAws) -> AccountWorker {
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        AccountWorker { records: aws.records(), objects: aws.objects(), pool }
    }

    #[tokio::test]
    async fn a_user_who_is_found_again_no_longer_counts_as_missing() {
        let aws = FakeAws::new([
            ok("PutItem", json!({})),
            ok("Query", items(&[tier()])),
            ok("Query", items(&[profile(tier())])),
            ok("ListUsers", json!({"Users": [{"Username": "ann"}]})),
            ok("Query", items(&[profile(tier())])),
            ok("UpdateItem", json!({})),
        ]);
        let checked = worker(&aws).check_users("5f").await.unwrap();
        assert_eq!((checked.users, checked.missing, checked.requested), (1, 0, 0));
        let (_, update) = aws.calls().pop().unwrap();
        assert_eq!(update["UpdateExpression"], "REMOVE #missing_since");
    }

    #[tokio::test]
    async fn nothing_is_written_for_a_user_who_was_never_missing() {
        let aws = FakeAws::new([
            ok("PutItem", json!({})),
            ok("Query", items(&[tier()])),
            ok("Query", items(&[profile(tier())])),
            ok("ListUsers", json!({"Users": [{"Username": "ann"}]})),
            ok("Query", items(&[])),
        ]);
        let checked = worker(&aws).check_users("5f").await.unwrap();
        assert_eq!((checked.users, checked.missing), (1, 0));
        // The first call asks which pool the table belongs to.
        assert_eq!(aws.operations(), ["PutItem", "Query", "Query", "ListUsers", "Query"]);
    }

    #[tokio::test]
    async fn the_job_for_a_missing_user_ends_if_the_user_exists() {
        let aws = FakeAws::new([
            ok("ListUsers", json!({"Users": [{"Username": "ann"}]})),
            ok(
                "AdminGetUser",
                json!({"Username": "ann", "UserAttributes": [{"Name": "sub", "Value": USER}]}),
            ),
            ok("TransactWriteItems", json!({})),
        ]);
        let job = Job::new(JobId::generate(), Task::DeleteAccount { username: None, is_missing: true });
        let claimed = ClaimedJob { user: USER.parse().unwrap(), job, owner: "worker".to_owned() };
        worker(&aws).work(&claimed).await.unwrap();
        let calls = aws.calls();
        assert_eq!(aws.operations(), ["ListUsers", "AdminGetUser", "TransactWriteItems"]);
        let unmark = &calls[2].1["TransactItems"][1]["Update"];
        assert_eq!(unmark["UpdateExpression"], "REMOVE #deleting_since, #missing_since");
    }

    #[test]
    fn only_an_early_job_that_needs_the_list_waits_for_it() {
        let now = domain::now();
        let is_waiting = |age: i64, username: Option<&str>, is_missing| {
            let id = JobId::generate_at(Timestamp::from_second(now.as_second() - age).unwrap());
            let task = Task::DeleteAccount { username: username.map(str::to_owned), is_missing };
            may_be_listed_later(&Job::new(id, task), now)
        };
        assert!(is_waiting(LISTED_SECONDS - 1, None, false));
        assert!(!is_waiting(LISTED_SECONDS, None, false));
        assert!(!is_waiting(0, Some("ann"), false));
        assert!(!is_waiting(0, None, true));
    }

    #[test]
    fn the_runs_of_a_cycle_look_at_all_groups() {
        let period = |number: i64| Timestamp::from_second(1_773_342_000 + number * PERIOD).unwrap();
        let groups: std::collections::BTreeSet<String> = (0..GROUPS).map(|run| group(period(run))).collect();
        assert_eq!(groups.len(), 256);
        assert_eq!((groups.first().unwrap().as_str(), groups.last().unwrap().as_str()), ("00", "ff"));
        // A run that begins a little later looks at the same group.
        let late = Timestamp::from_second(period(1).as_second() + 60).unwrap();
        assert_eq!(group(late), group(period(1)));
    }

    #[test]
    fn jobs_and_schedules_are_told_apart() {
        let event = |text: &str| serde_json::from_str::<Event>(text).unwrap();
        let scheduled = event(r#"{"id": "1", "time": "2026-03-12T19:15:00Z", "detail": {}}"#);
        assert!(matches!(scheduled, Event::Scheduled { .. }));
        assert!(matches!(event(r#"{"prefix": "5f"}"#), Event::Prefix { prefix } if prefix == "5f"));
        let jobs = include_str!("../../../../events/workers-delete-account.json");
        assert!(matches!(event(jobs), Event::Jobs(_)));
    }

    #[test]
    fn the_period_is_that_of_the_template() {
        let template = include_str!("../../../../template.yaml");
        let (_, function) = template.split_once("\n  WorkersDeleteAccount:\n").unwrap();
        let (_, rate) = function.split_once("Schedule: rate(").unwrap();
        let minutes: i64 = rate.split_once(" minutes)").unwrap().0.parse().unwrap();
        assert_eq!(PERIOD, minutes * 60);
    }
}

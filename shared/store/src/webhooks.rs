//! Webhooks, their secrets, and the deliveries of events to them.
//!
//! All of them are items under the owner's partition key. The secrets of a webhook are an item of its own: only the
//! worker that signs deliveries reads it, and the rotation of the secret.

use aws::CallError;
use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};
use domain::{
    Addition, Attempt, AttemptError, Delivery, DeliveryId, DeliveryStatus, Description, Disabled,
    DisabledReason, Job, JobId, LimitError, Task, Timestamp, UserId, Webhook, WebhookEvents, WebhookId,
    WebhookSecret, WebhookSecrets, WebhookUrl,
};

use crate::{
    dynamodb::{
        condition::{begins_with, eq, exists, gt, lt, ne, not_exists},
        keys::{
            Item, WEBHOOK, deliveries_of, delivery_key, item, job_key, number, read, readable, string,
            timestamp, user_pk, value, webhook_count_key, webhook_key, webhook_secrets_key,
        },
        records::{Page, Records, is_condition, refused_update, updated},
        transactions::{TransactItemKind, refused},
        update::Update,
    },
    images::create::CreateError,
    jobs::claim::holds_job,
    usage::{Count, CountError},
};

/// The attribute of the item that counts webhooks.
const COUNT: &str = "webhooks";

/// Why a webhook was not created.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The user has as many webhooks as a user may have.
    #[error("the user has too many webhooks")]
    TooMany,
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for WebhookError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

/// Why a delivery is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum RedeliverError {
    /// The webhook or the delivery does not exist.
    #[error("the delivery does not exist")]
    NotFound,
    /// The delivery has not ended yet.
    #[error("the delivery has not ended yet")]
    Pending,
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for RedeliverError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

/// What the owner changes of a webhook. `None` keeps a member as it is.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// The address.
    pub url: Option<WebhookUrl>,
    /// The types. The inner `None` means all types.
    pub events: Option<Option<WebhookEvents>>,
    /// The note. The inner `None` removes it.
    pub description: Option<Option<Description>>,
    /// Whether events are delivered. `true` also forgets that Darkroom has stopped the deliveries.
    pub enabled: Option<bool>,
}

/// What an attempt of a delivery needs.
#[derive(Debug)]
pub struct DeliveryWork {
    /// The webhook.
    pub webhook: Webhook,
    /// Its secrets.
    pub secrets: WebhookSecrets,
    /// The delivery.
    pub delivery: Delivery,
}

impl Records {
    /// Creates a webhook with its secrets, and counts it.
    ///
    /// One call. Up to three calls if the profile has to be created or corrected.
    ///
    /// # Errors
    /// [`WebhookError`]
    pub async fn create_webhook(
        &self,
        user: &UserId,
        webhook: &Webhook,
        secrets: &WebhookSecrets,
    ) -> Result<(), WebhookError> {
        use TransactItemKind as Kind;
        let has_room = not_exists(COUNT).or(lt(COUNT, number(Webhook::MAX_PER_USER)));
        let count = Update::new(webhook_count_key(user)).add_from_zero(COUNT, 1).when(has_room);
        let items = [
            (Kind::Quota, count.in_transaction(self)?),
            (Kind::New, self.put_new(item(webhook_key(user, webhook.id), webhook)?)?),
            (Kind::New, self.put_new(item(webhook_secrets_key(user, webhook.id), secrets)?)?),
        ];
        let added = Addition { webhooks: 1, ..Addition::default() };
        match Count::start(self, user, added, webhook.created_at).await?.transact(&items).await? {
            None => Ok(()),
            Some((Kind::Quota, _)) => Err(WebhookError::TooMany),
            Some(_) => Err(CallError::internal("a new webhook's id is in use").into()),
        }
    }

    /// The webhooks of a user, the oldest first, without those that cannot be read. There are at most
    /// [`Webhook::MAX_PER_USER`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn webhooks(&self, user: &UserId) -> Result<Vec<Webhook>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(WEBHOOK)));
        let answer = self.query(keys, None)?.consistent_read(true).send().await?;
        // `workers-events` reads the webhooks of all users, so one that cannot be read must not stop it.
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(readable).collect())
    }

    /// A webhook of a user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn webhook(&self, user: &UserId, id: WebhookId) -> Result<Option<Webhook>, CallError> {
        self.get(webhook_key(user, id)).await
    }

    /// Changes a webhook. Returns it after the change, or `None` if it does not exist.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn update_webhook(
        &self,
        user: &UserId,
        id: WebhookId,
        change: &WebhookChange,
        now: Timestamp,
    ) -> Result<Option<Webhook>, CallError> {
        let mut update =
            Update::new(webhook_key(user, id)).set("updated_at", timestamp(now)).when(exists("pk"));
        if let Some(url) = &change.url {
            update = update.set("url", value(url)?);
        }
        if let Some(events) = &change.events {
            update = update.set_or_remove("events", events.as_ref().map(value).transpose()?);
        }
        if let Some(description) = &change.description {
            update = update.set_or_remove("description", description.as_ref().map(value).transpose()?);
        }
        if let Some(enabled) = change.enabled {
            update = update.set("enabled", value(enabled)?);
        }
        if change.enabled == Some(true) {
            update = update.remove("disabled");
        }
        match update.alone(self)?.return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => updated(answer).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a webhook and its secrets. Returns whether it existed. Its deliveries expire.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_webhook(&self, user: &UserId, id: WebhookId) -> Result<bool, CallError> {
        let items = vec![
            self.delete_in_transaction(webhook_key(user, id), exists("pk"))?,
            self.delete_if_it_exists(webhook_secrets_key(user, id))?,
            Update::new(webhook_count_key(user)).add(COUNT, -1).when(exists(COUNT)).in_transaction(self)?,
        ];
        Ok(self.transact(items).await?.is_none())
    }

    /// Replaces the secret of a webhook with `new`. Returns whether the webhook exists. The secret before it signs
    /// deliveries for one more day.
    ///
    /// Two calls. More if the owner sends other rotations at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn rotate_webhook_secret(
        &self,
        user: &UserId,
        id: WebhookId,
        new: &WebhookSecret,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            let secrets: Option<WebhookSecrets> = self.get(webhook_secrets_key(user, id)).await?;
            let Some(secrets) = secrets else { return Ok(false) };
            // If the answer to the write was lost, the SDK repeated it, and DynamoDB refused the repetition.
            if secrets.current == *new {
                return Ok(true);
            }
            let is_unchanged = eq("current", value(&secrets.current)?);
            let rotated = secrets.rotated(new.clone(), now);
            let put = self.put_when(item(webhook_secrets_key(user, id), &rotated)?, is_unchanged)?;
            match put.send().await {
                Ok(_) => return Ok(true),
                Err(error) if is_condition(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::Unavailable("the secret keeps changing".into()))
    }

    /// Records a delivery and adds the job that makes its attempts. Does nothing if the delivery is recorded already,
    /// or if the webhook was deleted.
    ///
    /// One call.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn record_delivery(&self, user: &UserId, delivery: &Delivery) -> Result<(), CallError> {
        let (webhook, id) = (delivery.webhook, delivery.id);
        let task = Task::DeliverWebhook { webhook, delivery: id, on_request: false };
        let items = vec![
            self.check(webhook_key(user, webhook), exists("pk"))?,
            self.put_new(item(delivery_key(user, webhook, id), delivery)?)?,
            self.put_job(user, &Job::new(id.first_job(), task))?,
        ];
        self.transact(items).await.map(drop)
    }

    /// Records the delivery of a test, adds its job and counts it. Returns whether the webhook exists.
    ///
    /// One call. Up to three calls if the profile has to be created or corrected.
    ///
    /// # Errors
    /// [`CreateError::Limit`] or [`CreateError::Call`]
    pub async fn request_webhook_test(
        &self,
        user: &UserId,
        delivery: &Delivery,
    ) -> Result<bool, CreateError> {
        use TransactItemKind as Kind;
        let (webhook, id) = (delivery.webhook, delivery.id);
        let task = Task::DeliverWebhook { webhook, delivery: id, on_request: true };
        let items = [
            (Kind::Source, self.check(webhook_key(user, webhook), exists("pk"))?),
            (Kind::New, self.put_new(item(delivery_key(user, webhook, id), delivery)?)?),
            (Kind::New, self.put_job(user, &Job::new(id.first_job(), task))?),
        ];
        match self.transact_counted_delivery(user, &items, delivery.created_at).await? {
            None => Ok(true),
            Some((Kind::Source, _)) => Ok(false),
            Some(_) => Err(CallError::internal("a new delivery's id is in use").into()),
        }
    }

    /// Adds a job that repeats a delivery that has ended, and counts it. Returns the delivery after that.
    ///
    /// Two calls. Up to four calls if the profile has to be created or corrected.
    ///
    /// # Errors
    /// [`RedeliverError`]
    pub async fn request_redelivery(
        &self,
        user: &UserId,
        webhook: WebhookId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Delivery, RedeliverError> {
        use TransactItemKind as Kind;
        let delivery: Option<Delivery> = self.get(delivery_key(user, webhook, id)).await?;
        let delivery = delivery.filter(|delivery| delivery.expires_at > now.as_second());
        let delivery = delivery.ok_or(RedeliverError::NotFound)?;
        let task = Task::DeliverWebhook { webhook, delivery: id, on_request: true };
        let update = Update::new(delivery_key(user, webhook, id))
            .set("status", string(DeliveryStatus::Pending.as_str()))
            .set("next_attempt_at", timestamp(now))
            .when(ne("status", string(DeliveryStatus::Pending.as_str())).and(exists("pk")));
        let items = [
            (Kind::Source, self.check(webhook_key(user, webhook), exists("pk"))?),
            (Kind::Source, update.in_transaction(self)?),
            (Kind::New, self.put_job(user, &Job::new(JobId::generate(), task))?),
        ];
        match self.transact_counted_delivery(user, &items, now).await? {
            None => Ok(Delivery { status: DeliveryStatus::Pending, next_attempt_at: Some(now), ..delivery }),
            // Only the delivery returns what is stored.
            Some((Kind::Source, Some(_))) => Err(RedeliverError::Pending),
            Some((Kind::Source, None)) => Err(RedeliverError::NotFound),
            Some(_) => Err(CallError::internal("a new job's id is in use").into()),
        }
    }

    /// Writes the items of a delivery that its owner asks for, and takes a token of the owner, so that nobody can cause
    /// many requests to a receiver. Returns what [`Count::transact`] returns.
    async fn transact_counted_delivery(
        &self,
        user: &UserId,
        items: &[(TransactItemKind, TransactWriteItem)],
        now: Timestamp,
    ) -> Result<Option<(TransactItemKind, Option<Item>)>, CountError> {
        let added = Addition { deliveries: 1, ..Addition::default() };
        Count::start(self, user, added, now).await?.transact(items).await
    }

    /// The deliveries of a webhook, newest first, beginning after `after`.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn deliveries(
        &self,
        user: &UserId,
        webhook: WebhookId,
        after: Option<DeliveryId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Delivery, DeliveryId>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(deliveries_of(webhook))));
        let query = self
            .query(keys, Some(gt("expires_at", number(now.as_second()))))?
            .scan_index_forward(false)
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|id| delivery_key(user, webhook, id)))
            // One more than the page needs, to know whether more follow.
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let answer = query.send().await?;
        let items = answer.items.unwrap_or_default();
        let deliveries = items.into_iter().map(read).collect::<Result<Vec<Delivery>, _>>()?;
        let last = answer.last_evaluated_key.as_ref();
        let last = last.and_then(|key| key.get("sk")?.as_s().ok()?.rsplit('#').next()?.parse().ok());
        Ok(Page::new(deliveries, limit, |delivery: &Delivery| delivery.id, last))
    }

    /// What an attempt of a delivery needs. `None` if the webhook was deleted, or if the delivery has expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delivery_work(
        &self,
        user: &UserId,
        webhook: WebhookId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryWork>, CallError> {
        let keys = [
            webhook_key(user, webhook),
            webhook_secrets_key(user, webhook),
            delivery_key(user, webhook, delivery),
        ];
        let [Some(webhook), Some(secrets), Some(delivery)] = self.batch_in_order(keys).await? else {
            return Ok(None);
        };
        let (webhook, secrets, delivery) = (read(webhook)?, read(secrets)?, read(delivery)?);
        Ok(Some(DeliveryWork { webhook, secrets, delivery }))
    }

    /// Stores an attempt that failed and is followed by another one. `delivery` was read before the attempt.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn note_failed_attempt(
        &self,
        user: &UserId,
        delivery: &Delivery,
        attempt: &Attempt,
        next_attempt_at: Timestamp,
    ) -> Result<(), CallError> {
        // The SDK repeats the write if its answer was lost. Without this condition, the attempt would count twice.
        let is_unchanged = eq("attempts", number(delivery.attempts));
        let update = Update::new(delivery_key(user, delivery.webhook, delivery.id))
            .set("last_attempt", value(attempt)?)
            .set("next_attempt_at", timestamp(next_attempt_at))
            .set("attempts", number(delivery.attempts + 1))
            .when(exists("pk").and(is_unchanged));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            // The attempt is stored already. Or the delivery has expired, or its account is being deleted.
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a claimed job and its delivery. `attempt` is the last attempt, if this job made one. If none was made
    /// because the webhook is disabled, the delivery keeps its latest attempt. If the delivery is gone, only the job
    /// ends. Does nothing if another worker has taken over the job.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn finish_delivery(
        &self,
        user: &UserId,
        job: JobId,
        owner: &str,
        (webhook, delivery): (WebhookId, DeliveryId),
        (status, attempt): (DeliveryStatus, Option<&Attempt>),
    ) -> Result<(), CallError> {
        let mut update = Update::new(delivery_key(user, webhook, delivery))
            .set("status", string(status.as_str()))
            .remove("next_attempt_at")
            .when(exists("pk"));
        if let Some(attempt) = attempt {
            let attempted = value(attempt)?;
            update = if attempt.error == Some(AttemptError::Disabled) {
                update.set_if_absent("last_attempt", attempted)
            } else {
                update.set("last_attempt", attempted).add("attempts", 1)
            };
        }
        let items = vec![
            self.delete_in_transaction(job_key(user, job), holds_job(owner))?,
            update.in_transaction(self)?,
        ];
        let Some(reasons) = self.transact(items).await? else { return Ok(()) };
        let is_lost = reasons.first().and_then(refused).is_some();
        if is_lost { Ok(()) } else { self.end_job(user, job, owner).await }
    }

    /// Stores that a delivery succeeded.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn note_webhook_success(
        &self,
        user: &UserId,
        webhook: WebhookId,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let update =
            Update::new(webhook_key(user, webhook)).set("last_success_at", timestamp(now)).when(exists("pk"));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stops the deliveries to a webhook, unless a delivery has succeeded since `since`, or the owner has changed the
    /// webhook. `webhook` was read before the attempt. Returns whether the deliveries stopped now.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn disable_webhook(
        &self,
        user: &UserId,
        webhook: &Webhook,
        reason: DisabledReason,
        (since, now): (Timestamp, Timestamp),
    ) -> Result<bool, CallError> {
        // As text, times of different seconds are in their order.
        let failed_since = not_exists("last_success_at").or(lt("last_success_at", timestamp(since)));
        let update = Update::new(webhook_key(user, webhook.id))
            .set("enabled", value(false)?)
            .set("disabled", value(Disabled { reason, at: now })?)
            .set("updated_at", timestamp(now))
            .when(eq("enabled", value(true)?).and(failed_since))
            // The attempt may have gone to an address that is not the webhook's any more.
            .when(eq("updated_at", timestamp(webhook.updated_at)));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(true),
            Err(error) => refused_update(error).map(|_| false),
        }
    }
}

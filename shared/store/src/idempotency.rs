//! Remembers what a request with an idempotency key created.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    account::not_deleted,
    dynamodb::{
        condition::{eq, le, not_exists},
        keys::{Item, item, number, profile_key, read, request_key, string, value},
        records::{Records, is_condition},
        transactions::refused,
        update::Update,
    },
};

/// The idempotency key of a request. If the client repeats the request, it gets the same answer.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// A digest of the key that the client chose.
    pub key: String,
    /// A digest of the request.
    pub request: String,
}

/// The result of a request that creates something.
#[derive(Debug)]
pub enum Created<T> {
    /// This request created it.
    New,
    /// The same request created this before.
    Replayed(T),
}

/// The state of a request with an idempotency key that takes several writes.
#[derive(Debug)]
pub enum Begun<T> {
    /// No other request has used the key.
    First,
    /// The same request began before. It has not ended, or it stopped halfway.
    Repeated,
    /// The same request ended before with this answer.
    Replayed(T),
}

/// Why a request with an idempotency key did not begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Another request used the idempotency key.
    #[error("another request used the idempotency key")]
    KeyReused,
    /// The account was deleted, or is being deleted.
    #[error("the account is being deleted")]
    AccountDeleted,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A request that has begun, and its answer if it has ended.
#[derive(Serialize, Deserialize)]
struct BegunRequest<T> {
    request: String,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    answer: Option<T>,
    expires_at: i64,
}

/// The stored answer to a request.
#[derive(Serialize, Deserialize)]
struct StoredAnswer<T> {
    request: String,
    answer: T,
    expires_at: i64,
}

impl Records {
    /// How long the answer to a request with an idempotency key is stored, in seconds.
    pub const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

    /// The item of a transaction that stores the answer to a request. It is refused if an answer is stored for this key.
    pub(crate) fn remember<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
        answer: &T,
        now: Timestamp,
    ) -> Result<TransactWriteItem, CallError> {
        let answer = StoredAnswer {
            request: key.request.clone(),
            answer,
            expires_at: now.as_second() + Self::REMEMBERED_SECONDS,
        };
        let condition = not_exists("pk").or(le("expires_at", number(now.as_second())));
        self.put_in_transaction(item(request_key(user, &key.key), answer)?, Some(condition))
    }

    /// What the same request created before. `None` if it has no key, or if no answer is stored for it.
    ///
    /// The transaction of a repeated request returns the stored answer. A function that refuses a request before its
    /// transaction calls this method, because the first request may have been allowed.
    ///
    /// One call. None without a key.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn created_before<T: DeserializeOwned>(
        &self,
        user: &UserId,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Option<T>, CallError> {
        let Some(key) = key else { return Ok(None) };
        let item = self.get_item(request_key(user, &key.key)).await?;
        let Some(item) = item.filter(|item| is_of(item, key)) else { return Ok(None) };
        let stored: StoredAnswer<T> = read(item)?;
        Ok((stored.expires_at > now.as_second()).then_some(stored.answer))
    }

    /// Stores that a request with an idempotency key begins, before its first write.
    ///
    /// # Errors
    /// [`BeginError`]
    pub async fn begin_request<T: Serialize + DeserializeOwned>(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Begun<T>, BeginError> {
        let expires_at = now.as_second() + Self::REMEMBERED_SECONDS;
        let begun = BegunRequest::<T> { request: key.request.clone(), answer: None, expires_at };
        let is_unused = not_exists("pk").or(le("expires_at", number(now.as_second())));
        let items = vec![
            self.put_in_transaction(item(request_key(user, &key.key), begun)?, Some(is_unused))?,
            self.check(profile_key(user), not_deleted())?,
        ];
        let Some(reasons) = self.transact(items).await? else { return Ok(Begun::First) };
        let Some(stored) = reasons.first().and_then(refused) else { return Err(BeginError::AccountDeleted) };
        let stored =
            stored.ok_or_else(|| CallError::internal("DynamoDB did not return the stored request"))?;
        if !is_of(stored, key) {
            return Err(BeginError::KeyReused);
        }
        let begun: BegunRequest<T> = read(stored.clone())?;
        Ok(begun.answer.map_or(Begun::Repeated, Begun::Replayed))
    }

    /// Stores the answer to a request that has begun.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn end_request<T: Serialize>(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
        answer: &T,
    ) -> Result<(), CallError> {
        let update = Update::new(request_key(user, &key.key)).set("answer", value(answer)?);
        match update.when(eq("request", string(&key.request))).alone(self)?.send().await {
            // It has expired meanwhile.
            Err(error) if !is_condition(&error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Whether an item with an answer belongs to this request.
fn is_of(item: &Item, key: &IdempotencyKey) -> bool {
    item.get("request").and_then(|request| request.as_s().ok()) == Some(&key.request)
}

/// The stored answer, or `None` if it belongs to another request.
pub(crate) fn read_answer<T: DeserializeOwned>(
    item: Option<Item>,
    key: Option<&IdempotencyKey>,
) -> Result<Option<T>, CallError> {
    let item = item.ok_or_else(|| CallError::internal("DynamoDB did not return the stored answer"))?;
    if key.is_none_or(|key| !is_of(&item, key)) {
        // The answer to another request may have another type.
        return Ok(None);
    }
    Ok(Some(read::<StoredAnswer<T>>(item)?.answer))
}

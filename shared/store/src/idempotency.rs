//! Remembers what a request with an idempotency key created.

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::dynamodb::{
    condition::{le, not_exists},
    keys::{Item, item, number, read, request_key},
    records::Records,
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
}

/// The stored answer, or `None` if it belongs to another request.
pub(crate) fn read_answer<T: DeserializeOwned>(
    item: Option<Item>,
    key: Option<&IdempotencyKey>,
) -> Result<Option<T>, CallError> {
    let item = item.ok_or_else(|| CallError::internal("DynamoDB did not return the stored answer"))?;
    let request = item.get("request").and_then(|request| request.as_s().ok());
    if request != key.map(|key| &key.request) {
        // The answer to another request may have another type.
        return Ok(None);
    }
    Ok(Some(read::<StoredAnswer<T>>(item)?.answer))
}

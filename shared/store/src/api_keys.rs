//! API keys. A key is one item under its owner's partition key, with a digest of the key.

use aws::CallError;
use domain::{Addition, ApiKey, ApiKeyId, LimitError, Timestamp, UserId};

use crate::{
    dynamodb::{
        condition::{Condition, begins_with, eq, exists, gt, lt, not_exists},
        keys::{API_KEY, api_key_count_key, api_key_key, item, number, read, string, timestamp, user_pk},
        records::{Records, is_condition},
        transactions::TransactItemKind,
        update::Update,
    },
    usage::{Count, CountError},
};

/// The attribute of the item that counts keys.
const COUNT: &str = "api_keys";

/// Why a key was not created.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The user has as many keys as a user may have.
    #[error("the user has too many keys")]
    TooMany,
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for ApiKeyError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

impl Records {
    /// Creates a key and counts it. A key that expires still counts, until its owner deletes a key or creates another
    /// one: if the count is at its maximum, the keys are counted again.
    ///
    /// One call. Up to three calls if the profile has to be created or corrected. Two more calls if the user seems to
    /// have too many keys.
    ///
    /// # Errors
    /// [`ApiKeyError`]
    pub async fn create_api_key(
        &self,
        user: &UserId,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<(), ApiKeyError> {
        let added = Addition { api_keys: 1, ..Addition::default() };
        let mut counted = Count::start(self, user, added, now).await?;
        let has_room = not_exists(COUNT).or(lt(COUNT, number(ApiKey::MAX_PER_USER)));
        let count = Update::new(api_key_count_key(user)).add_from_zero(COUNT, 1).when(has_room);
        match self.put_api_key(user, key, count, &mut counted).await {
            Err(ApiKeyError::TooMany) => {}
            outcome => return outcome,
        }
        let keys = self.api_keys(user, now).await?.len() as u64;
        if keys >= ApiKey::MAX_PER_USER {
            return Err(ApiKeyError::TooMany);
        }
        // Nobody has created another key meanwhile, because the count was at its maximum.
        let count = Update::new(api_key_count_key(user))
            .set(COUNT, number(keys + 1))
            .when(eq(COUNT, number(ApiKey::MAX_PER_USER)));
        self.put_api_key(user, key, count, &mut counted).await
    }

    async fn put_api_key(
        &self,
        user: &UserId,
        key: &ApiKey,
        count: Update,
        counted: &mut Count<'_>,
    ) -> Result<(), ApiKeyError> {
        use TransactItemKind as Kind;
        let items = [
            (Kind::Quota, count.in_transaction(self)?),
            (Kind::New, self.put_new(item(api_key_key(user, key.id), key)?)?),
        ];
        match counted.transact(&items).await? {
            None => Ok(()),
            Some((Kind::Quota, _)) => Err(ApiKeyError::TooMany),
            Some(_) => Err(CallError::internal("a new key's id is in use").into()),
        }
    }

    /// The keys of a user that work, the oldest first. There are at most [`ApiKey::MAX_PER_USER`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn api_keys(&self, user: &UserId, now: Timestamp) -> Result<Vec<ApiKey>, CallError> {
        let keys = eq("pk", user_pk(user)).and(begins_with("sk", string(API_KEY)));
        let answer = self.query(keys, Some(works_at(now)))?.consistent_read(true).send().await?;
        answer.items.unwrap_or_default().into_iter().map(read).collect()
    }

    /// A key. `None` if it was revoked or has expired.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn api_key(
        &self,
        user: &UserId,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<Option<ApiKey>, CallError> {
        let key: Option<ApiKey> = self.get(api_key_key(user, id)).await?;
        Ok(key.and_then(|key| key.unless_expired(now)))
    }

    /// Revokes a key. Returns whether there was one that worked. An expired one may not count any longer.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_api_key(
        &self,
        user: &UserId,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let items = vec![
            self.delete_in_transaction(api_key_key(user, id), exists("pk").and(works_at(now)))?,
            Update::new(api_key_count_key(user)).add(COUNT, -1).when(exists(COUNT)).in_transaction(self)?,
        ];
        Ok(self.transact(items).await?.is_none())
    }

    /// Stores that a key was used.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn note_api_key_use(
        &self,
        user: &UserId,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let update =
            Update::new(api_key_key(user, id)).set("last_used_at", timestamp(now)).when(exists("pk"));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            // The key was revoked meanwhile.
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The key has no end, or ends later.
fn works_at(now: Timestamp) -> Condition {
    not_exists("expires_at").or(gt("expires_at", number(now.as_second())))
}

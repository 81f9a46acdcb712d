//! A lock for requests that may take the last admin away. Cognito has no condition for this, so the requests take turns.

use aws::CallError;
use domain::Timestamp;

use crate::dynamodb::{
    condition::{eq, le, not_exists},
    keys::{admin_lock_key, number, string},
    records::{Records, is_condition},
    retry::pause,
};

/// How long a lock exists, in seconds, if its holder dies. It is longer than a function may run (template.yaml), so that
/// the holder can make no change after another request has taken the lock.
const SECONDS: i64 = 30;

impl Records {
    /// Takes the lock. Waits for a moment if another request holds it.
    ///
    /// # Errors
    /// [`CallError::Unavailable`] if another request still holds it.
    pub async fn lock_admins(&self, holder: &str, now: Timestamp) -> Result<(), CallError> {
        // Together about two seconds.
        const ATTEMPTS: u32 = 8;
        for attempt in 0..ATTEMPTS {
            let mut lock = admin_lock_key();
            lock.insert("holder".to_owned(), string(holder));
            lock.insert("expires_at".to_owned(), number(now.as_second() + SECONDS));
            let is_free = not_exists("pk").or(le("expires_at", number(now.as_second())));
            match self.put_when(lock, is_free)?.send().await {
                Ok(_) => return Ok(()),
                Err(error) if is_condition(&error) => pause(attempt).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallError::Unavailable("another request holds the lock of the admins".into()))
    }

    /// Releases the lock, if `holder` still holds it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn unlock_admins(&self, holder: &str) -> Result<(), CallError> {
        match self.delete_when(admin_lock_key(), eq("holder", string(holder)))?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

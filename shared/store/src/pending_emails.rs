//! New e-mail addresses that wait for their code. Cognito stores the address and the code, but does not show them.

use aws::CallError;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::dynamodb::{
    keys::{item, pending_email_key},
    records::Records,
};

/// An address to which a code was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEmail {
    /// The address.
    pub email: String,
    /// When the code expires, in seconds since 1970. This is the table's TTL attribute.
    pub expires_at: i64,
}

impl PendingEmail {
    /// How long Cognito accepts a code, in seconds ("Quotas in Amazon Cognito", validity of codes).
    const CODE_SECONDS: i64 = 24 * 60 * 60;

    /// An address to which a code is sent at `now`.
    #[must_use]
    pub fn new(email: &str, now: Timestamp) -> Self {
        Self { email: email.to_owned(), expires_at: now.as_second() + Self::CODE_SECONDS }
    }
}

impl Records {
    /// Stores the address to which a code was sent.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_pending_email(&self, user: &UserId, pending: &PendingEmail) -> Result<(), CallError> {
        let pending = item(pending_email_key(user), pending)?;
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(pending)).send().await?;
        Ok(())
    }

    /// The address to which a code was sent, if the code is still valid and was not used.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn pending_email(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<PendingEmail>, CallError> {
        // DynamoDB deletes expired items late.
        let pending: Option<PendingEmail> = self.get(pending_email_key(user)).await?;
        Ok(pending.filter(|pending| pending.expires_at > now.as_second()))
    }

    /// Forgets the address to which a code was sent.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_pending_email(&self, user: &UserId) -> Result<(), CallError> {
        let delete = self.dynamodb.delete_item().table_name(&self.table);
        delete.set_key(Some(pending_email_key(user))).send().await?;
        Ok(())
    }
}

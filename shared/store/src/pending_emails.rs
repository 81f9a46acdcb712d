//! New e-mail addresses that wait for their code. Cognito stores the address and the code, but does not show them.

use aws::CallError;
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::dynamodb::{
    keys::{item, pending_email_key},
    records::Records,
};

#[derive(Serialize, Deserialize)]
struct PendingEmail {
    email: String,
    expires_at: i64,
}

impl Records {
    /// How long Cognito accepts a code, in seconds ("Quotas in Amazon Cognito", validity of codes).
    const EMAIL_CODE_SECONDS: i64 = 24 * 60 * 60;

    /// Stores the address to which a code was sent.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_pending_email(
        &self,
        user: &UserId,
        email: &str,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let expires_at = now.as_second() + Self::EMAIL_CODE_SECONDS;
        let pending = item(pending_email_key(user), PendingEmail { email: email.to_owned(), expires_at })?;
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(pending)).send().await?;
        Ok(())
    }

    /// The address to which a code was sent, if the code is still valid and was not used.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn pending_email(&self, user: &UserId, now: Timestamp) -> Result<Option<String>, CallError> {
        // DynamoDB deletes expired items late.
        let pending: Option<PendingEmail> = self.get(pending_email_key(user)).await?;
        Ok(pending.filter(|pending| pending.expires_at > now.as_second()).map(|pending| pending.email))
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

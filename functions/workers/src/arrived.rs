//! Finds uploads that arrived in the bucket although nobody has developed them. Their event was lost, or is late.

use std::time::Duration;

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use aws_types::SdkConfig;
use domain::{Image, ImageId, Status, Timestamp, UserId};
use lambda_runtime::Error;
use store::{Objects, Records};
use tracing::warn;

use crate::{UploadEvent, UploadRetries};

/// Whether DynamoDB itself removed the item of a stream record at its deadline ("DynamoDB Streams and Time to Live",
/// Amazon DynamoDB Developer Guide).
#[must_use]
pub fn has_expired(record: &EventRecord) -> bool {
    record.user_identity.as_ref().is_some_and(|identity| identity.principal_id == "dynamodb.amazonaws.com")
}

/// Sends uploads that arrived, but were not developed, to the queue `UploadRetries`.
#[derive(Debug)]
pub struct ArrivedUploads {
    records: Records,
    objects: Objects,
    retries: UploadRetries,
}

impl ArrivedUploads {
    /// Uses the table, the buckets and the queue in the environment variables.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            records: Records::from_env(config)?,
            objects: Objects::from_env(config)?,
            retries: UploadRetries::from_env(config)?,
        })
    }

    /// Looks whether the upload of an unfinished image arrived. If so, sends it to the queue. Returns whether it did.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send_if_arrived(
        &self,
        user: &UserId,
        image: &Image,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let key = image.key(user);
        let upload = match image.status {
            Status::Pending => {
                let Some(at) = self.objects.arrived_at(&key).await? else { return Ok(false) };
                UploadEvent::found(key, at)
            }
            // The worker that held the claim has died, or has released its claim.
            Status::Processing if image.lease.as_ref().is_some_and(|lease| lease.until < now.as_second()) => {
                let at = image.uploaded_at.unwrap_or(now);
                let found = UploadEvent::found(key, at);
                UploadEvent { sequencer: image.sequencer.clone().unwrap_or(found.sequencer), ..found }
            }
            Status::Processing | Status::Ready | Status::Failed => return Ok(false),
        };
        self.retries.send(&upload, Duration::ZERO).await?;
        warn!(key = %upload.key, status = image.status.as_str(), "found an upload that was not developed");
        Ok(true)
    }

    /// Puts back an image that DynamoDB has removed at its deadline, if its upload has arrived. Returns whether the image
    /// exists again, so that nobody must clean up after it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn rescue_image(&self, user: &UserId, image: &Image) -> Result<bool, CallError> {
        let (key, now) = (image.key(user), domain::now());
        if image.status != Status::Pending {
            return Ok(false);
        }
        let Some(at) = self.objects.arrived_at(&key).await? else { return Ok(false) };
        if !self.records.put_back(user, image, now).await? {
            return Ok(false);
        }
        warn!(%key, "put back an expired image: its upload has arrived");
        self.retries.send(&UploadEvent::found(key, at), Duration::ZERO).await?;
        Ok(true)
    }

    /// Looks whether the upload of a replacement arrived, whose deadline is over. If so, sends it to the queue. Returns
    /// whether it did, so that nobody must end the replacement.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn rescue_replacement(
        &self,
        user: &UserId,
        image: ImageId,
        version: u32,
    ) -> Result<bool, CallError> {
        let now = domain::now();
        // As it is stored, because an expired replacement is hidden.
        match self.records.stored_image(user, image).await?.filter(|image| image.version == version) {
            Some(image) => self.send_if_arrived(user, &image, now).await,
            None => Ok(false),
        }
    }
}

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
        let (records, objects) = (Records::from_env(config)?, Objects::from_env(config)?);
        Ok(Self::new(records, objects, UploadRetries::from_env(config)?))
    }

    /// Uses this table, these buckets and this queue.
    #[must_use]
    pub const fn new(records: Records, objects: Objects, retries: UploadRetries) -> Self {
        Self { records, objects, retries }
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

    /// Puts back an image that DynamoDB has removed at its deadline, if its upload has arrived. Returns whether the
    /// image exists again, so that nobody must clean up after it.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, IMAGE_ID, USER, image, ok};

    use super::*;

    /// The host's last label, and the path of the original.
    const HEAD: &str = "com/5f0c3c9e-0000-4000-8000-000000000000/01K8Z3J5Q0000000000000TEST/1";

    async fn sent(image: Value, aws: &FakeAws) -> Option<Value> {
        let retries = UploadRetries::new(&aws.config(), "queue".to_owned());
        let arrived = ArrivedUploads { records: aws.records(), objects: aws.objects(), retries };
        let image = serde_json::from_value(image).unwrap();
        let sent = arrived.send_if_arrived(&USER.parse().unwrap(), &image, domain::now()).await.unwrap();
        let send = aws.calls().into_iter().find(|(operation, _)| operation == "SendMessage");
        assert_eq!(send.is_some(), sent);
        let body = send?.1["MessageBody"].take();
        Some(serde_json::from_str(body.as_str().unwrap()).unwrap())
    }

    fn processing(until: i64) -> Value {
        let mut image = image();
        image["status"] = json!("processing");
        image["uploaded_at"] = json!("2026-03-12T19:04:00Z");
        (image["sequencer"], image["lease"]) = (json!("0055AE"), json!({"owner": "a", "until": until}));
        image
    }

    #[tokio::test]
    async fn an_upload_whose_worker_died_is_sent_with_its_own_sequencer() {
        let aws = FakeAws::new([ok("SendMessage", json!({"MessageId": "1"}))]);
        let message = sent(processing(1), &aws).await.unwrap();
        let record = &message["requestPayload"]["Records"][0];
        assert_eq!(record["s3"]["object"]["key"], json!(format!("{USER}/{IMAGE_ID}/1")));
        assert_eq!(
            (&record["eventTime"], &record["s3"]["object"]["sequencer"]),
            (&json!("2026-03-12T19:04:00Z"), &json!("0055AE"))
        );
        assert_eq!(aws.operations(), ["SendMessage"]);
    }

    #[tokio::test]
    async fn an_upload_that_a_worker_develops_is_left_alone() {
        let aws = FakeAws::new([]);
        assert_eq!(sent(processing(99_999_999_999), &aws).await, None);
    }

    #[tokio::test]
    async fn an_image_without_a_file_is_left_alone() {
        let aws = FakeAws::new([(HEAD, 404, Value::Null)]);
        assert_eq!(sent(image(), &aws).await, None);
        assert_eq!(aws.operations(), [HEAD]);
    }

    #[tokio::test]
    async fn an_upload_that_nobody_has_claimed_is_sent() {
        let aws = FakeAws::new([ok(HEAD, Value::Null), ok("SendMessage", json!({"MessageId": "1"}))]);
        let message = sent(image(), &aws).await.unwrap();
        let object = &message["requestPayload"]["Records"][0]["s3"]["object"];
        assert!(object["sequencer"].as_str().unwrap().bytes().all(|digit| digit == b'0'), "{object}");
    }

    #[test]
    fn only_what_dynamodb_removed_itself_has_expired() {
        let event = |text: &str| serde_json::from_str::<aws_lambda_events::dynamodb::Event>(text).unwrap();
        assert!(has_expired(&event(include_str!("../../../events/workers-stream-expired.json")).records[0]));
        assert!(!has_expired(&event(include_str!("../../../events/workers-stream.json")).records[0]));
    }
}

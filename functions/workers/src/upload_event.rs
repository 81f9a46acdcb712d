//! S3's events about uploads.

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use domain::{ObjectKey, Sequencer, Timestamp};
use serde::Deserialize;
use tracing::info;

/// A notification that S3 sends to its event target.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum S3Notification {
    /// Objects were created.
    Objects(S3Event),
    /// The test event that S3 sends when the notification is configured.
    Test {
        /// `s3:TestEvent`
        #[serde(rename = "Event")]
        event: String,
    },
}

/// An original was uploaded.
#[derive(Clone, Debug)]
pub struct UploadEvent {
    /// The key of the original.
    pub key: ObjectKey,
    /// The order of this event among the events of the key.
    pub sequencer: Sequencer,
    /// When the upload arrived.
    pub at: Timestamp,
}

impl S3Notification {
    /// The uploads in the notification. Objects whose keys do not have the form of an original's key are logged and
    /// skipped.
    #[must_use]
    pub fn uploads(self) -> Vec<UploadEvent> {
        match self {
            Self::Objects(event) => event.records.iter().filter_map(UploadEvent::from_record).collect(),
            Self::Test { event } => {
                info!(event, "received S3's test event");
                Vec::new()
            }
        }
    }
}

impl UploadEvent {
    fn from_record(record: &S3EventRecord) -> Option<Self> {
        let object = &record.s3.object;
        let key = object.key.as_deref().unwrap_or_default();
        let Ok(key) = ObjectKey::from_event(key) else {
            info!(key, "skipped an event: the key is not the key of an original");
            return None;
        };
        Some(Self {
            key,
            sequencer: Sequencer::from_event(object.sequencer.as_deref().unwrap_or_default()),
            at: Timestamp::from_millisecond(record.event_time.timestamp_millis()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploads(text: &str) -> Vec<UploadEvent> {
        serde_json::from_str::<S3Notification>(text).unwrap().uploads()
    }

    #[test]
    fn a_test_event_contains_no_upload() {
        let text = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"uploads"}"#;
        assert!(uploads(text).is_empty());
    }

    #[test]
    fn an_object_with_another_key_is_skipped() {
        let text = include_str!("../../../events/workers-thumbnail.json");
        let [upload] = uploads(text).try_into().unwrap();
        let key = upload.key.to_string();
        assert!(text.contains(&key));
        assert!(uploads(&text.replace(&key, "somebody/elses.jpg")).is_empty());
    }
}

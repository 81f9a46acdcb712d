//! S3's events about uploads.

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use domain::{ObjectKey, Sequencer, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

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

/// What Lambda sends to the on-failure destination of an asynchronous invocation. The function's own event is inside.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedInvocation {
    /// The event that the function could not process.
    pub request_payload: S3Notification,
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
        let at = Timestamp::from_millisecond(record.event_time.timestamp_millis()).unwrap_or_else(|cause| {
            warn!(%key, %cause, "the time of an event is out of range, using the current time");
            domain::now()
        });
        let sequencer = Sequencer::from_event(object.sequencer.as_deref().unwrap_or_default());
        Some(Self { key, sequencer, at })
    }

    /// An upload that was found in the bucket, not in an event. Its sequencer is smaller than that of every event, so an
    /// event that arrives later is not ignored.
    #[must_use]
    pub fn found(key: ObjectKey, at: Timestamp) -> Self {
        Self { key, sequencer: Sequencer::from_event(""), at }
    }

    /// The message that Lambda sends to the on-failure destination of a function, with S3's event about this upload
    /// ("Capturing records of Lambda asynchronous invocations", AWS Lambda Developer Guide). [`S3Notification`] and
    /// [`FailedInvocation`] read it.
    pub(crate) fn to_message(&self) -> Value {
        // The key needs no encoding: it consists of letters, digits, hyphens and slashes.
        let object = json!({"key": self.key.to_string(), "sequencer": self.sequencer.as_str()});
        let record = json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": self.at.to_string(),
            "userIdentity": {},
            "requestParameters": {},
            "s3": {"bucket": {}, "object": object},
        });
        json!({"version": "1.0", "requestPayload": {"Records": [record]}})
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
    fn a_message_about_an_upload_reads_back() {
        let text = include_str!("../../../events/workers-thumbnail.json");
        let [event] = uploads(text).try_into().unwrap();
        for upload in [event.clone(), UploadEvent::found(event.key, event.at)] {
            let failed: FailedInvocation = serde_json::from_value(upload.to_message()).unwrap();
            let [read] = failed.request_payload.uploads().try_into().unwrap();
            assert_eq!((read.key, read.sequencer, read.at), (upload.key, upload.sequencer, upload.at));
        }
    }

    #[test]
    fn an_upload_that_was_found_is_older_than_every_event() {
        let [event] = uploads(include_str!("../../../events/workers-thumbnail.json")).try_into().unwrap();
        assert!(UploadEvent::found(event.key.clone(), event.at).sequencer < event.sequencer);
    }

    #[test]
    fn an_upload_at_an_impossible_time_is_not_dropped() {
        let text = include_str!("../../../events/workers-thumbnail.json");
        let text = text.replace("2026-03-12T19:03:58.000Z", "+262000-01-01T00:00:00Z");
        assert_eq!(uploads(&text).len(), 1);
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

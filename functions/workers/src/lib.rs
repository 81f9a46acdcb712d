//! What the workers share: uploads as S3 tells of them, developing them, jobs, and the providers they are for.

mod develop;
mod dispatch;
mod dropbox_copy;
mod jobs;
mod model;

pub use develop::{check_length, develop};
pub use dispatch::Dispatcher;
pub use dropbox_copy::dropbox_copy;
pub use jobs::{Claimed, JobError, JobMessage, Queue, Worker, failure};
pub use model::{Model, picture_for_model, with_secret};

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use domain::{ObjectKey, Sequencer, Timestamp};
use serde::Deserialize;
use tracing::info;

/// What S3 sends to its event target.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Notification {
    /// Objects were created.
    Objects(S3Event),
    /// A test, sent once when the trigger is made.
    Test {
        /// `s3:TestEvent`
        #[serde(rename = "Event")]
        event: String,
    },
}

/// An original has arrived.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Where it lies.
    pub key: ObjectKey,
    /// The place of this event among those on the key.
    pub sequencer: Sequencer,
    /// When it arrived.
    pub at: Timestamp,
}

impl Notification {
    /// The uploads that a notification tells of. Keys that are not ours are logged and left alone.
    #[must_use]
    pub fn uploads(self) -> Vec<Uploaded> {
        match self {
            Self::Objects(event) => event.records.iter().filter_map(Uploaded::from_record).collect(),
            Self::Test { event } => {
                info!(event, "a test event");
                Vec::new()
            }
        }
    }
}

impl Uploaded {
    fn from_record(record: &S3EventRecord) -> Option<Self> {
        let object = &record.s3.object;
        let key = object.key.as_deref().unwrap_or_default();
        let Ok(key) = ObjectKey::from_event(key) else {
            info!(key, "not a key of ours");
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

    #[test]
    fn a_test_event_tells_of_no_upload() {
        let text = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"uploads"}"#;
        let notification: Notification = serde_json::from_str(text).unwrap();
        assert!(notification.uploads().is_empty());
    }
}

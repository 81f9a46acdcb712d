//! Jobs: calls to providers and to webhooks, and deletions of accounts, which run in the background.

use serde::{Deserialize, Serialize};

use crate::{DeliveryId, DownloadId, DropboxPath, ImageId, JobId, Lease, Prompt, WebhookId};

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Ask a model what a picture shows.
    Analyze {
        /// The image.
        image: ImageId,
        /// The version of the image.
        version: u32,
        /// The caller's question, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<Prompt>,
    },
    /// Ask a model to create a new picture from another.
    Edit {
        /// The image whose picture is edited.
        source: ImageId,
        /// The version of the image.
        version: u32,
        /// The image that waits for the result.
        image: ImageId,
        /// What the model should change.
        prompt: Prompt,
    },
    /// Copy an original to Dropbox.
    DropboxCopy {
        /// The image.
        image: ImageId,
        /// The version of the image.
        version: u32,
        /// The path of the copy.
        path: DropboxPath,
    },
    /// Delete a copy in Dropbox.
    DeleteDropboxCopy {
        /// The path of the copy. The file may not exist.
        path: DropboxPath,
    },
    /// Deliver an event to a webhook.
    DeliverWebhook {
        /// The webhook.
        webhook: WebhookId,
        /// The delivery.
        delivery: DeliveryId,
        /// Whether the owner asked for this attempt, with a test or a repetition. Such a job has one attempt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        on_request: bool,
    },
    /// Write the originals of many images into one archive.
    Download {
        /// The download.
        download: DownloadId,
    },
    /// Delete everything of the user, and then the user.
    DeleteAccount {
        /// The user's name in the user pool. Without it, the worker searches the pool for the user's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// Whether the job exists because the user pool did not contain the user. Such a job ends if the pool contains
        /// the user.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_missing: bool,
    },
}

impl Task {
    /// Whether the task ignores the limit of attempts. No record could show its failure, so it is retried until it
    /// succeeds.
    #[must_use]
    pub const fn retries_forever(&self) -> bool {
        matches!(self, Self::DeleteDropboxCopy { .. } | Self::DeleteAccount { .. })
    }
}

/// The progress of an analysis or a Dropbox copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// The job has not ended, or waits for the upload.
    Queued,
    /// The result exists.
    Done,
    /// The job failed. The record contains the failure.
    Failed,
}

impl Progress {
    /// The name in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The record of a job, which exists until the job ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// What the job does.
    #[serde(flatten)]
    pub task: Task,
    /// How often the job was started.
    pub attempts: u32,
    /// The lease of the worker that runs the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The earliest time of the next attempt, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
}

impl Job {
    /// A job that was not started.
    #[must_use]
    pub fn new(id: JobId, task: Task) -> Self {
        Self { id, task, attempts: 0, lease: None, not_before: None }
    }
}

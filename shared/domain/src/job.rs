//! Work that is done in the background, at a provider that is paid for it or may be away.

use serde::{Deserialize, Serialize};

use crate::{DropboxPath, ImageId, JobId, Lease, Prompt};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "lowercase")]
pub enum Task {
    /// Ask a model what a picture shows.
    Analyze {
        /// The image.
        image: ImageId,
        /// Which of its uploads.
        version: u32,
        /// What the caller wants to know beside the usual.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<Prompt>,
    },
    /// Have a model make a new picture of another.
    Edit {
        /// The image whose picture is edited.
        source: ImageId,
        /// Which of its uploads.
        version: u32,
        /// The image that waits for the result.
        image: ImageId,
        /// What the new picture is to be.
        prompt: Prompt,
    },
    /// Copy an original to Dropbox.
    DropboxCopy {
        /// The image.
        image: ImageId,
        /// Which of its uploads.
        version: u32,
        /// Where its copy is to lie.
        path: DropboxPath,
    },
    /// Remove a copy from Dropbox.
    DeleteDropboxCopy {
        /// Where it lies, if it does.
        path: DropboxPath,
    },
}

impl Task {
    /// Whether it is tried until it is done, because there is nobody left to be told that it was not.
    #[must_use]
    pub const fn retries_forever(&self) -> bool {
        matches!(self, Self::DeleteDropboxCopy { .. })
    }
}

/// How far something that a job leads to has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// Waits for its turn, or for the upload.
    Queued,
    /// It is there.
    Done,
    /// It was given up; a failure beside it says why.
    Failed,
}

impl Progress {
    /// The name used in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A job as the table keeps it, until it has ended. Who works on it holds its lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The job's id.
    pub id: JobId,
    /// What is to be done.
    #[serde(flatten)]
    pub task: Task,
    /// How often it was begun.
    pub attempts: u32,
    /// Who is at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// When it may be begun again, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
}

impl Job {
    /// A job that nobody has begun.
    #[must_use]
    pub fn new(id: JobId, task: Task) -> Self {
        Self { id, task, attempts: 0, lease: None, not_before: None }
    }
}

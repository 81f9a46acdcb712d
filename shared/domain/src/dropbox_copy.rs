//! Copies of originals in Dropbox.

use serde::{Deserialize, Serialize};

use crate::{DropboxPath, Failure, JobId, Progress, Task};

/// A copy of an image's original in Dropbox: queued, done or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropboxCopy {
    /// The job that creates the copy. Results of earlier jobs are discarded.
    pub job: JobId,
    /// The path of the copy. A failed attempt may have left a file there.
    pub path: DropboxPath,
    /// The state of the job.
    pub status: Progress,
    /// The shared link of the copy. Anyone with the link can download the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why the copy failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl DropboxCopy {
    /// A copy that a job will create at `path`.
    #[must_use]
    pub fn queued(path: DropboxPath) -> Self {
        Self { job: JobId::generate(), path, status: Progress::Queued, url: None, failure: None }
    }

    /// The same copy, which ends with its link or a failure.
    #[must_use]
    pub fn ended(self, outcome: Result<String, Failure>) -> Self {
        let (status, url, failure) = match outcome {
            Ok(url) => (Progress::Done, Some(url), None),
            Err(failure) => (Progress::Failed, None, Some(failure)),
        };
        Self { status, url, failure, ..self }
    }

    /// The task that deletes the copy.
    #[must_use]
    pub fn delete_task(&self) -> Task {
        Task::DeleteDropboxCopy { path: self.path.clone() }
    }
}

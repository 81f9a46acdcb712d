//! From a job in the table to the queue of its provider.

use aws::CallError;
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use domain::{Job, Task, UserId};

use crate::JobMessage;

/// The queues, one for each kind of work, so that a slow provider holds up nobody else's.
#[derive(Debug)]
pub struct Dispatcher {
    sqs: Client,
    analysis: String,
    edits: String,
    dropbox: String,
}

impl Dispatcher {
    /// The queues that `ANALYSIS_QUEUE`, `EDITS_QUEUE` and `DROPBOX_QUEUE` name.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self {
            sqs: Client::new(config),
            analysis: aws::var("ANALYSIS_QUEUE")?,
            edits: aws::var("EDITS_QUEUE")?,
            dropbox: aws::var("DROPBOX_QUEUE")?,
        })
    }

    /// Sends a job to its queue. Sent twice, it is done once.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send(&self, user: UserId, job: &Job) -> Result<(), CallError> {
        let queue = match job.task {
            Task::Analyze { .. } => &self.analysis,
            Task::Edit { .. } => &self.edits,
            Task::DropboxCopy { .. } | Task::DeleteDropboxCopy { .. } => &self.dropbox,
        };
        let message = JobMessage { user, job: job.id };
        let body = serde_json::to_string(&message).map_err(CallError::internal)?;
        self.sqs.send_message().queue_url(queue).message_body(body).send().await?;
        Ok(())
    }
}

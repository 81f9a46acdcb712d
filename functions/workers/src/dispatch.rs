//! Sends jobs to the queues of their workers.

use aws::CallError;
use aws_sdk_sqs::Client;
use aws_types::SdkConfig;
use domain::{Job, JobId, Task, UserId};
use serde::{Deserialize, Serialize};

/// The message that tells a worker to run a job.
#[derive(Debug, Deserialize, Serialize)]
pub struct JobMessage {
    /// The job's owner.
    pub user: UserId,
    /// The job.
    pub job: JobId,
}

/// The queues of all job workers. Each kind of work has its own queue, so that a slow provider delays only its own jobs.
#[derive(Debug)]
pub struct Dispatcher {
    sqs: Client,
    analysis: String,
    edits: String,
    dropbox: String,
    accounts: String,
}

impl Dispatcher {
    /// Reads the URLs of the queues from `ANALYSIS_QUEUE`, `EDITS_QUEUE`, `DROPBOX_QUEUE` and `ACCOUNTS_QUEUE`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        let [analysis, edits] = [aws::var("ANALYSIS_QUEUE")?, aws::var("EDITS_QUEUE")?];
        let [dropbox, accounts] = [aws::var("DROPBOX_QUEUE")?, aws::var("ACCOUNTS_QUEUE")?];
        Ok(Self::new(config, [analysis, edits, dropbox, accounts]))
    }

    /// The queues with these URLs.
    #[must_use]
    pub fn new(config: &SdkConfig, [analysis, edits, dropbox, accounts]: [String; 4]) -> Self {
        Self { sqs: Client::new(config), analysis, edits, dropbox, accounts }
    }

    /// Sends a job to its queue. The worker claims the job, so a second message for the same job has no effect.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn send(&self, user: UserId, job: &Job) -> Result<(), CallError> {
        let queue = match job.task {
            Task::Analyze { .. } => &self.analysis,
            Task::Edit { .. } => &self.edits,
            Task::DropboxCopy { .. } | Task::DeleteDropboxCopy { .. } => &self.dropbox,
            Task::DeleteAccount => &self.accounts,
        };
        let message = JobMessage { user, job: job.id };
        let body = serde_json::to_string(&message).map_err(CallError::internal)?;
        self.sqs.send_message().queue_url(queue).message_body(body).send().await?;
        Ok(())
    }
}

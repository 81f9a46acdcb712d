//! Sends jobs to the queues of their workers.

use std::time::Duration;

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

impl JobMessage {
    /// Sends the message to the queue with this URL. SQS delivers it after `delay`, at most 15 minutes (Amazon SQS
    /// Developer Guide, "Amazon SQS message timers").
    ///
    /// The messages of a user are a group. If one user's jobs keep the workers busy, SQS delivers those of other users
    /// first (Amazon SQS Developer Guide, "Amazon SQS fair queues").
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) async fn send(&self, sqs: &Client, queue: &str, delay: Duration) -> Result<(), CallError> {
        const MAX_SECONDS: u64 = 15 * 60;
        let seconds = i32::try_from(delay.as_secs().min(MAX_SECONDS)).unwrap_or_default();
        let body = serde_json::to_string(self).map_err(CallError::internal)?;
        let send = sqs.send_message().queue_url(queue).message_body(body).delay_seconds(seconds);
        send.message_group_id(self.user.to_string()).send().await?;
        Ok(())
    }
}

/// The queues of all job workers. Each kind of work has its own queue, so that a slow provider delays only its own
/// jobs.
#[derive(Debug)]
pub struct Dispatcher {
    sqs: Client,
    analysis: String,
    edits: String,
    dropbox: String,
    webhooks: String,
    downloads: String,
    accounts: String,
}

impl Dispatcher {
    /// Reads the URLs of the queues from `ANALYSIS_QUEUE`, `EDITS_QUEUE`, `DROPBOX_QUEUE`, `DOWNLOADS_QUEUE`, `WEBHOOKS_QUEUE` and
    /// `ACCOUNTS_QUEUE`.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        let [analysis, edits] = [aws::var("ANALYSIS_QUEUE")?, aws::var("EDITS_QUEUE")?];
        let [dropbox, downloads] = [aws::var("DROPBOX_QUEUE")?, aws::var("DOWNLOADS_QUEUE")?];
        let [webhooks, accounts] = [aws::var("WEBHOOKS_QUEUE")?, aws::var("ACCOUNTS_QUEUE")?];
        Ok(Self::new(config, [analysis, edits, dropbox, downloads, webhooks, accounts]))
    }

    /// The queues with these URLs.
    #[must_use]
    pub fn new(
        config: &SdkConfig,
        [analysis, edits, dropbox, downloads, webhooks, accounts]: [String; 6],
    ) -> Self {
        Self { sqs: Client::new(config), analysis, edits, dropbox, downloads, webhooks, accounts }
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
            Task::DeliverWebhook { .. } => &self.webhooks,
            Task::Download { .. } => &self.downloads,
            Task::DeleteAccount { .. } => &self.accounts,
        };
        JobMessage { user, job: job.id }.send(&self.sqs, queue, Duration::ZERO).await
    }
}

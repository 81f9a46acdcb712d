//! The work queues and the dead-letter queues.

use aws::CallError;
use aws_sdk_sqs::{
    Client,
    types::QueueAttributeName::{
        self, ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
        ApproximateNumberOfMessagesNotVisible as InFlight,
    },
};
use aws_types::SdkConfig;
use futures_util::future::try_join_all;

use crate::DeadLetters;

/// The name of each kind of work, the variable with the URL of its queue, and the variable with the URL of its
/// dead-letter queue.
const QUEUES: [(&str, &str, &str); 10] = [
    ("analysis", "ANALYSIS_QUEUE", "ANALYSIS_DEAD_LETTERS"),
    ("edits", "EDITS_QUEUE", "EDITS_DEAD_LETTERS"),
    ("dropbox", "DROPBOX_QUEUE", "DROPBOX_DEAD_LETTERS"),
    ("downloads", "DOWNLOADS_QUEUE", "DOWNLOADS_DEAD_LETTERS"),
    ("failed-uploads", "UPLOAD_RETRIES", "UPLOAD_DEAD_LETTERS"),
    ("reclaim", "RECLAIM_QUEUE", "RECLAIM_DEAD_LETTERS"),
    ("tiers", "TIERS_QUEUE", "TIERS_DEAD_LETTERS"),
    ("events", "EVENTS_QUEUE", "EVENTS_DEAD_LETTERS"),
    ("webhooks", "WEBHOOKS_QUEUE", "WEBHOOKS_DEAD_LETTERS"),
    ("accounts", "ACCOUNTS_QUEUE", "ACCOUNTS_DEAD_LETTERS"),
];

/// The deployment's queues.
#[derive(Debug)]
pub struct Queues {
    sqs: Client,
    /// The name, the URL of the work queue, and the URL of the dead-letter queue.
    urls: Vec<(&'static str, String, String)>,
}

/// The approximate numbers of messages in a queue. SQS updates them within about a minute.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// The number of messages that no consumer has received yet, including delayed ones.
    pub waiting: u64,
    /// The number of messages that a consumer has received but not deleted yet.
    pub in_flight: u64,
}

impl Queues {
    /// The queues in the environment variables.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Self::new(config, aws::var)
    }

    /// The queues whose URLs `var` returns. Its argument is the name of a variable.
    ///
    /// # Errors
    /// Those of `var`.
    pub fn new<E>(config: &SdkConfig, var: impl Fn(&'static str) -> Result<String, E>) -> Result<Self, E> {
        let urls = QUEUES.into_iter().map(|(name, work, dead)| Ok::<_, E>((name, var(work)?, var(dead)?)));
        Ok(Self { urls: urls.collect::<Result<_, E>>()?, sqs: Client::new(config) })
    }

    /// The dead letters of the kind of work with this name. `None` if there is no such kind.
    #[must_use]
    pub fn dead_letters(&self, name: &str) -> Option<DeadLetters<'_>> {
        let (_, work, dead) = self.urls.iter().find(|(known, ..)| *known == name)?;
        Some(DeadLetters::new(&self.sqs, work, dead))
    }

    /// The depths of all work queues and dead-letter queues, read at the same time.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn depths(&self) -> Result<Vec<(&'static str, Depth, Depth)>, CallError> {
        try_join_all(self.urls.iter().map(async |(name, work, dead)| {
            let (work, dead) = tokio::try_join!(self.depth(work), self.depth(dead))?;
            Ok((*name, work, dead))
        }))
        .await
    }

    async fn depth(&self, url: &str) -> Result<Depth, CallError> {
        let request = self.sqs.get_queue_attributes().queue_url(url);
        let answer = request.set_attribute_names(Some(vec![Visible, InFlight, Delayed])).send().await?;
        let count = |name: QueueAttributeName| {
            let text = answer.attributes().and_then(|all| all.get(&name)).map_or("", String::as_str);
            text.parse::<u64>().map_err(CallError::internal)
        };
        Ok(Depth { waiting: count(Visible)? + count(Delayed)?, in_flight: count(InFlight)? })
    }
}

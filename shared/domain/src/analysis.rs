//! What a model says of a picture.

use serde::{Deserialize, Serialize};

use crate::{Failure, JobId, Progress, Prompt, Timestamp};

/// What a model found in a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// What is to be seen, in a sentence or two.
    pub description: String,
    /// Short words for it.
    pub tags: Vec<String>,
    /// The answer to the caller's prompt, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The model, as the provider names it.
    pub model: String,
}

/// An analysis of an image's picture: asked for, done or given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// The job that makes it; the result of an earlier one is not taken.
    pub job: JobId,
    /// How far it has come.
    pub status: Progress,
    /// What the caller wants to know beside the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
    /// Whether it begins only once the upload is decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// From when on another may be asked for although this one has not ended, in seconds since 1970.
    pub overdue_at: i64,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Analysis {
    /// Two days: as long as an upload may take, and a day for the job.
    const OVERDUE_SECONDS: i64 = 2 * 24 * 60 * 60;

    /// An analysis that is asked for at `now`.
    #[must_use]
    pub fn queued(prompt: Option<Prompt>, waits: bool, now: Timestamp) -> Self {
        Self {
            job: JobId::generate(),
            status: Progress::Queued,
            prompt,
            waits,
            overdue_at: now.as_second() + Self::OVERDUE_SECONDS,
            findings: None,
            failure: None,
            completed_at: None,
        }
    }

    /// The same analysis, ended at `now` by its findings or a failure.
    #[must_use]
    pub fn ended(self, outcome: Result<Findings, Failure>, now: Timestamp) -> Self {
        let (status, findings, failure) = match outcome {
            Ok(findings) => (Progress::Done, Some(findings), None),
            Err(failure) => (Progress::Failed, None, Some(failure)),
        };
        Self { status, findings, failure, waits: false, completed_at: Some(now), ..self }
    }
}

//! Analyses: what a model says about a picture.

use serde::{Deserialize, Serialize};

use crate::{Failure, JobId, Progress, Prompt, Timestamp};

/// What a model found in a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// What the picture shows, in one or two sentences.
    pub description: String,
    /// Short keywords.
    pub tags: Vec<String>,
    /// The answer to the caller's prompt, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The provider's name of the model.
    pub model: String,
}

/// An analysis of an image's picture: queued, done or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// The job of the analysis. Results of earlier jobs are discarded.
    pub job: JobId,
    /// The state of the job.
    pub status: Progress,
    /// The caller's question, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Prompt>,
    /// Whether the job starts only after the upload was processed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferred: bool,
    /// When the caller may request another analysis although this one has not ended, in seconds since 1970.
    pub overdue_at: i64,
    /// The result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
    /// Why the analysis failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the analysis ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

impl Analysis {
    /// Two days: one for the upload, and one for the job.
    const OVERDUE_SECONDS: i64 = 2 * 24 * 60 * 60;

    /// An analysis that is requested at `now`.
    #[must_use]
    pub fn queued(prompt: Option<Prompt>, deferred: bool, now: Timestamp) -> Self {
        Self {
            job: JobId::generate(),
            status: Progress::Queued,
            prompt,
            deferred,
            overdue_at: now.as_second() + Self::OVERDUE_SECONDS,
            findings: None,
            failure: None,
            completed_at: None,
        }
    }

    /// The same analysis, which ends at `now` with findings or a failure.
    #[must_use]
    pub fn ended(self, outcome: Result<Findings, Failure>, now: Timestamp) -> Self {
        let (status, findings, failure) = match outcome {
            Ok(findings) => (Progress::Done, Some(findings), None),
            Err(failure) => (Progress::Failed, None, Some(failure)),
        };
        Self { status, findings, failure, deferred: false, completed_at: Some(now), ..self }
    }
}

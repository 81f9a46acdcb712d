//! Runs analysis jobs: asks a model what a picture shows, and stores the result on the image.

use aws::CallError;
use domain::{Analysis, Failure, Findings, Image, ImageId, Task};
use lambda_runtime::{Error, service_fn};
use store::{JobOutcome, Objects, Records};
use tracing::info;
use workers::{ClaimedJob, JobError, Model, Queue, Worker, picture_for_model};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "ANALYSIS_QUEUE")?;
    let model = Model::from_env(&config, "analyze", "ANALYSIS_MODEL", "ANALYSIS_SECONDS")?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = AnalysisWorker { records, objects, model };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct AnalysisWorker {
    records: Records,
    objects: Objects,
    model: Model,
}

impl Worker for AnalysisWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let ClaimedJob { user, job, .. } = claimed;
        let Task::Analyze { image: id, version, prompt } = &job.task else {
            return Err(JobError::wrong_worker());
        };
        let Some((image, analysis)) = self.requested(claimed, *id).await? else {
            info!(job = %job.id, "job ended without a call: the analysis is no longer requested");
            return Ok(self.records.end_job(user, job.id, &claimed.owner).await?);
        };
        let picture = picture_for_model(&self.objects, user, &image, *version).await?;
        let provider = &self.model.provider;
        let analyze = async |key: &str| provider.analyze(key, &picture, prompt.as_ref()).await;
        let findings = self.model.with_key(analyze).await?;
        Ok(self.save(claimed, *id, analysis, Ok(findings)).await?)
    }

    async fn mark_failed(&self, claimed: &ClaimedJob, failure: Failure) -> Result<(), CallError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Task::Analyze { image: id, .. } = &job.task else {
            return self.records.end_job(user, job.id, owner).await;
        };
        match self.requested(claimed, *id).await? {
            Some((_, analysis)) => self.save(claimed, *id, analysis, Err(failure)).await,
            None => self.records.end_job(user, job.id, owner).await,
        }
    }
}

impl AnalysisWorker {
    /// The image and its analysis, if the image still waits for this job.
    async fn requested(
        &self,
        ClaimedJob { user, job, .. }: &ClaimedJob,
        image: ImageId,
    ) -> Result<Option<(Image, Analysis)>, CallError> {
        let image = self.records.image_or_trashed(user, image, domain::now()).await?;
        Ok(image.and_then(|image| {
            let analysis = image.analysis.clone().filter(|analysis| analysis.job == job.id)?;
            Some((image, analysis))
        }))
    }

    /// Stores the outcome on the image and ends the job.
    async fn save(
        &self,
        ClaimedJob { user, job, owner }: &ClaimedJob,
        image: ImageId,
        analysis: Analysis,
        outcome: Result<Findings, Failure>,
    ) -> Result<(), CallError> {
        let now = domain::now();
        let analysis = analysis.ended(outcome, now);
        match self.records.finish_analysis(user, image, owner, &analysis, now).await? {
            JobOutcome::Done | JobOutcome::LeaseLost => Ok(()),
            JobOutcome::NotNeeded => self.records.end_job(user, job.id, owner).await,
        }
    }
}

//! The queue of analyses: asks a model what a picture shows, once per job.

use aws::CallError;
use domain::{Analysis, Failure, Findings, Task};
use lambda_runtime::{Error, service_fn};
use store::{Objects, Records, Settled};
use tracing::info;
use workers::{Claimed, JobError, Model, Queue, Worker, picture_for_model};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "ANALYSIS_QUEUE")?;
    let model = Model::from_env(&config, "ANALYSIS_MODEL", "ANALYSIS_SECONDS")?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let analyst = AnalysisWorker { records, objects, model };
    lambda_runtime::run(service_fn(|event| queue.work(&analyst.records, &analyst, event))).await
}

struct AnalysisWorker {
    records: Records,
    objects: Objects,
    model: Model,
}

impl Worker for AnalysisWorker {
    async fn work(&self, claimed: &Claimed) -> Result<(), JobError> {
        let Claimed { user, job, .. } = claimed;
        let Task::Analyze { image: id, version, prompt } = &job.task else {
            return Err(JobError::not_mine());
        };
        let image = self.records.image(user, *id, domain::now()).await?;
        // Nothing is paid for what nobody waits for.
        let Some((image, analysis)) = image.and_then(|image| {
            let analysis = image.analysis.clone().filter(|analysis| analysis.job == job.id)?;
            Some((image, analysis))
        }) else {
            info!(job = %job.id, "nobody waits for this analysis any more");
            return Ok(self.records.end_job(user, job.id, &claimed.owner).await?);
        };
        let picture = picture_for_model(&self.objects, user, &image, *version).await?;
        let provider = &self.model.provider;
        let asked = async |key: &str| provider.analyze(key, &picture, prompt.as_ref()).await;
        let findings = self.model.with_key(asked).await?;
        Ok(self.settle(claimed, *id, analysis, Ok(findings)).await?)
    }

    async fn mark_failed(&self, claimed: &Claimed, failure: Failure) -> Result<(), CallError> {
        let Claimed { user, job, owner } = claimed;
        let Task::Analyze { image: id, .. } = &job.task else {
            return self.records.end_job(user, job.id, owner).await;
        };
        let image = self.records.image(user, *id, domain::now()).await?;
        match image.and_then(|image| image.analysis).filter(|analysis| analysis.job == job.id) {
            Some(analysis) => self.settle(claimed, *id, analysis, Err(failure)).await,
            None => self.records.end_job(user, job.id, owner).await,
        }
    }
}

impl AnalysisWorker {
    async fn settle(
        &self,
        Claimed { user, job, owner }: &Claimed,
        image: domain::ImageId,
        analysis: Analysis,
        outcome: Result<Findings, Failure>,
    ) -> Result<(), CallError> {
        let now = domain::now();
        let analysis = analysis.ended(outcome, now);
        match self.records.settle_analysis(user, image, owner, &analysis, now).await? {
            Settled::Done | Settled::Lost => Ok(()),
            Settled::VersionObsolete => self.records.end_job(user, job.id, owner).await,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws::Secret;
    use domain::{FailureCode, Job};
    use providers::{Http, OpenAi};
    use serde_json::{Value, json};
    use test_support::{FakeAws, FakeServer, IMAGE_ID, USER, item, ok, ready_image};

    use super::*;

    const JOB: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";
    const LATER_JOB: &str = "01JZ8Q4V7N2M5K3R6T9W0XYZAC";
    /// The call that reads the thumbnail. The test AWS names a call to S3 by the end of its address.
    const THUMBNAIL: &str = "jpg?x-id=GetObject";

    fn worker(aws: &FakeAws, provider: &FakeServer) -> AnalysisWorker {
        let (http, time) = (Http::new().unwrap(), Duration::from_secs(10));
        let provider = OpenAi::new(http, provider.url(), "model".to_owned(), time);
        let model = Model::new(provider, Secret::new(&aws.config(), "secret".to_owned()), "analyze");
        AnalysisWorker { records: aws.records(), objects: aws.objects(), model }
    }

    fn claimed() -> ClaimedJob {
        let task = Task::Analyze { image: IMAGE_ID.parse().unwrap(), version: 1, prompt: None };
        let job = Job::new(JOB.parse().unwrap(), task);
        ClaimedJob { user: USER.parse().unwrap(), job, owner: "worker".to_owned() }
    }

    /// The image, whose latest analysis has this job.
    fn image(job: &str) -> (&'static str, u16, Value) {
        let mut image = ready_image();
        image["analysis"] = json!({"job": job, "status": "queued", "overdue_at": 9_999_999_999_i64});
        ok("GetItem", item(&image))
    }

    fn written() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    /// The items of the last transaction.
    fn items(aws: &FakeAws) -> Vec<Value> {
        let (_, input) = aws.calls().pop().unwrap();
        input["TransactItems"].as_array().unwrap().clone()
    }

    async fn mark_failed(aws: &FakeAws) {
        let failure = Failure::new(FailureCode::GaveUp, "All attempts failed.");
        worker(aws, &FakeServer::new([])).mark_failed(&claimed(), failure).await.unwrap();
    }

    #[tokio::test]
    async fn the_findings_are_stored_and_the_job_ends_in_one_transaction() {
        let content = json!({"description": "A cat.", "tags": ["cat"], "answer": null}).to_string();
        let answer = json!({"model": "model-1", "choices": [{"message": {"content": content}}]});
        let provider = FakeServer::new([(200, answer)]);
        let secret = ok("GetSecretValue", json!({"SecretString": "key"}));
        let aws = FakeAws::new([image(JOB), ok(THUMBNAIL, json!("the thumbnail")), secret, written()]);
        worker(&aws, &provider).work(&claimed()).await.unwrap();
        assert_eq!(provider.requests(), ["POST /chat/completions"]);
        assert_eq!(aws.operations(), ["GetItem", THUMBNAIL, "GetSecretValue", "TransactWriteItems"]);
        let items = items(&aws);
        assert_eq!(items[0]["Delete"]["Key"]["sk"], json!({"S": format!("JOB#{JOB}")}));
        assert_eq!(items[1]["Update"]["Key"]["sk"], json!({"S": format!("IMAGE#{IMAGE_ID}")}));
        let analysis = &items[1]["Update"]["ExpressionAttributeValues"][":v0"]["M"];
        assert_eq!(analysis["status"], json!({"S": "done"}));
        assert_eq!(analysis["findings"]["M"]["description"], json!({"S": "A cat."}));
    }

    #[tokio::test]
    async fn a_refusal_of_the_model_is_no_result() {
        let answer = json!({"choices": [{"message": {"refusal": "I cannot."}}]});
        let provider = FakeServer::new([(200, answer)]);
        let secret = ok("GetSecretValue", json!({"SecretString": "key"}));
        let aws = FakeAws::new([image(JOB), ok(THUMBNAIL, json!("the thumbnail")), secret]);
        let outcome = worker(&aws, &provider).work(&claimed()).await;
        let Err(JobError::Provider(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.failure.code, error.is_retryable), (FailureCode::ProviderRefused, false));
    }

    #[tokio::test]
    async fn a_job_that_a_later_request_replaced_ends_without_a_call_of_the_provider() {
        let provider = FakeServer::new([]);
        let aws = FakeAws::new([image(LATER_JOB), written()]);
        worker(&aws, &provider).work(&claimed()).await.unwrap();
        assert_eq!(aws.operations(), ["GetItem", "TransactWriteItems"]);
        assert_eq!(items(&aws).len(), 1);
        assert!(provider.requests().is_empty());
    }

    #[tokio::test]
    async fn a_failure_is_stored_on_an_image_that_waits_for_the_job() {
        let aws = FakeAws::new([image(JOB), written()]);
        mark_failed(&aws).await;
        let analysis = &items(&aws)[1]["Update"]["ExpressionAttributeValues"][":v0"]["M"];
        assert_eq!(analysis["status"], json!({"S": "failed"}));
        assert_eq!(analysis["failure"]["M"]["code"], json!({"S": "gave-up"}));
    }

    #[tokio::test]
    async fn a_failure_that_the_image_no_longer_needs_only_ends_the_job() {
        let reasons = ["None", "ConditionalCheckFailed", "None"].map(|code| json!({"Code": code}));
        let refused = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([image(JOB), ("TransactWriteItems", 400, refused), written()]);
        mark_failed(&aws).await;
        assert_eq!(aws.operations(), ["GetItem", "TransactWriteItems", "TransactWriteItems"]);
        assert_eq!(items(&aws).len(), 1);
    }
}

//! Runs edit jobs: asks a model for a new picture, and stores it as the original of the edit. S3's event then starts
//! `workers-thumbnail`, as for any upload.

use aws::CallError;
use domain::{ContentType, Failure, FailureCode, Image, ObjectKey, Task};
use imaging::Format;
use lambda_runtime::{Error, service_fn};
use store::{JobOutcome, Objects, Records};
use tracing::info;
use workers::{ClaimedJob, JobError, Model, Queue, Worker, picture_for_model};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config()?;
    let queue = Queue::from_env(&config, "EDITS_QUEUE")?;
    let model = Model::from_env(&config, "edit", "EDIT_MODEL", "EDIT_SECONDS")?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = EditWorker { records, objects, model };
    lambda_runtime::run(service_fn(|event| queue.work(&worker.records, &worker, event))).await
}

struct EditWorker {
    records: Records,
    objects: Objects,
    model: Model,
}

impl Worker for EditWorker {
    async fn work(&self, claimed: &ClaimedJob) -> Result<(), JobError> {
        let ClaimedJob { user, job, owner } = claimed;
        let Task::Edit { source, version, image, prompt } = &job.task else {
            return Err(JobError::wrong_worker());
        };
        let now = domain::now();
        let (source, edit) = tokio::try_join!(
            self.records.image_or_trashed(user, *source, now),
            self.records.image_or_trashed(user, *image, now)
        )?;
        // The edit was deleted or replaced, or an earlier attempt stored its file and then failed. No call is needed.
        let Some(edit) = edit.filter(Image::awaits_edit) else {
            info!(job = %job.id, "job ended without a call: the edit no longer waits for its file");
            return Ok(self.records.end_job(user, job.id, owner).await?);
        };
        let source = source.ok_or_else(no_source)?;
        let picture = picture_for_model(&self.objects, user, &source, *version).await?;
        let provider = &self.model.provider;
        let bytes = self.model.with_key(async |key: &str| provider.edit(key, &picture, prompt).await).await?;
        let content_type = imaging::sniff(&bytes).and_then(content_type).ok_or_else(unknown_format)?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX).try_into().map_err(|_| unknown_format())?;
        if self.records.declare_edit(user, &edit, content_type, size).await? {
            let key = ObjectKey { user: user.clone(), image: edit.id, version: edit.version };
            self.objects.put_original(&key, content_type, bytes).await?;
        }
        Ok(self.records.end_job(user, job.id, owner).await?)
    }

    async fn mark_failed(
        &self,
        ClaimedJob { user, job, owner }: &ClaimedJob,
        failure: Failure,
    ) -> Result<(), CallError> {
        if let Task::Edit { image, .. } = &job.task {
            let saved =
                self.records.finish_failed_edit(user, (job.id, *image), owner, &failure, domain::now());
            if saved.await? != JobOutcome::NotNeeded {
                return Ok(());
            }
        }
        self.records.end_job(user, job.id, owner).await
    }
}

fn content_type(format: Format) -> Option<ContentType> {
    ContentType::try_from(format.content_type().to_owned()).ok()
}

fn no_source() -> JobError {
    JobError::Permanent(Failure::new(FailureCode::NoPicture, "The source image no longer exists."))
}

fn unknown_format() -> JobError {
    JobError::Provider(providers::ProviderError::invalid_answer("the picture has an unknown format"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws::Secret;
    use domain::Job;
    use providers::{Http, OpenAi};
    use serde_json::{Value, json};
    use test_support::{FakeAws, FakeServer, IMAGE_ID, USER, item, ok, ready_image};

    use super::*;

    const JOB: &str = "01JZ8Q4T2N6V5X3R9C7M1K0B8D";
    const EDIT: &str = "01K8Z3J5Q00000000000000EDT";
    // The test AWS names a call to S3 by the end of its address, after the last dot.
    const THUMBNAIL: &str = "jpg?x-id=GetObject";
    const PUT: &str = "com/5f0c3c9e-0000-4000-8000-000000000000/01K8Z3J5Q00000000000000EDT/1?x-id=PutObject";

    fn worker(aws: &FakeAws, provider: &FakeServer) -> EditWorker {
        let (http, time) = (Http::new().unwrap(), Duration::from_secs(10));
        let provider = OpenAi::new(http, provider.url(), "model".to_owned(), time);
        let model = Model::new(provider, Secret::new(&aws.config(), "secret".to_owned()), "edit");
        EditWorker { records: aws.records(), objects: aws.objects(), model }
    }

    fn claimed() -> ClaimedJob {
        let (source, image) = (IMAGE_ID.parse().unwrap(), EDIT.parse().unwrap());
        let prompt = "Make the cat blue.".to_owned().try_into().unwrap();
        let job = Job::new(JOB.parse().unwrap(), Task::Edit { source, version: 1, image, prompt });
        ClaimedJob { user: USER.parse().unwrap(), job, owner: "worker".to_owned() }
    }

    /// The source, and the image that waits for the edit.
    fn images() -> [Value; 2] {
        let mut edit = test_support::image();
        (edit["id"], edit["source_image_id"]) = (json!(EDIT), json!(IMAGE_ID));
        [ready_image(), edit]
    }

    fn written() -> (&'static str, u16, Value) {
        ok("TransactWriteItems", json!({}))
    }

    /// The responses until the provider answers.
    fn until_the_answer() -> Vec<(&'static str, u16, Value)> {
        let [source, edit] = images();
        vec![
            ok("GetItem", item(&source)),
            ok("GetItem", item(&edit)),
            ok(THUMBNAIL, json!("the thumbnail")),
            ok("GetSecretValue", json!({"SecretString": "key"})),
        ]
    }

    /// A provider whose picture has this content, in base64.
    fn provider(content: &str) -> FakeServer {
        FakeServer::new([(200, json!({"data": [{"b64_json": content}]}))])
    }

    #[tokio::test]
    async fn the_size_and_the_type_are_declared_before_the_file_is_stored() {
        // The beginning of a PNG.
        let provider = provider("iVBORw0KGgo=");
        let more = [written(), ok(PUT, json!("")), written()];
        let aws = FakeAws::new(until_the_answer().into_iter().chain(more));
        worker(&aws, &provider).work(&claimed()).await.unwrap();
        assert_eq!(provider.requests(), ["POST /images/edits"]);
        let calls = aws.calls();
        assert_eq!(aws.operations()[4..], ["TransactWriteItems", PUT, "TransactWriteItems"]);
        let declared = &calls[4].1["TransactItems"][0]["Update"];
        assert_eq!(declared["Key"]["sk"], json!({"S": format!("IMAGE#{EDIT}")}));
        assert_eq!(declared["UpdateExpression"], "SET #content_type = :v0, #size = :v1");
        let values = &declared["ExpressionAttributeValues"];
        assert_eq!((&values[":v0"], &values[":v1"]), (&json!({"S": "image/png"}), &json!({"N": "8"})));
        let ended = &calls[6].1["TransactItems"];
        assert_eq!(ended[0]["Delete"]["Key"]["sk"], json!({"S": format!("JOB#{JOB}")}));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_picture_is_not_stored() {
        let aws = FakeAws::new(until_the_answer());
        let outcome = worker(&aws, &provider("dGV4dA==")).work(&claimed()).await;
        let Err(JobError::Provider(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.failure.code, FailureCode::ProviderAnswerInvalid);
        assert_eq!(aws.operations().len(), 4);
    }

    #[tokio::test]
    async fn an_edit_that_has_its_file_needs_no_second_call_of_the_provider() {
        let [source, mut edit] = images();
        edit["status"] = json!("processing");
        let aws = FakeAws::new([ok("GetItem", item(&source)), ok("GetItem", item(&edit)), written()]);
        let provider = FakeServer::new([]);
        worker(&aws, &provider).work(&claimed()).await.unwrap();
        assert_eq!(aws.operations(), ["GetItem", "GetItem", "TransactWriteItems"]);
        assert!(provider.requests().is_empty());
    }

    #[tokio::test]
    async fn an_edit_whose_source_is_gone_fails_for_good() {
        let [_, edit] = images();
        let aws = FakeAws::new([ok("GetItem", json!({})), ok("GetItem", item(&edit))]);
        let outcome = worker(&aws, &FakeServer::new([])).work(&claimed()).await;
        let Err(JobError::Permanent(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure, Failure::new(FailureCode::NoPicture, "The source image no longer exists."));
    }

    #[tokio::test]
    async fn a_failure_is_stored_on_the_edit_and_the_job_ends_if_the_edit_is_gone() {
        let reasons = ["None", "ConditionalCheckFailed"].map(|code| json!({"Code": code}));
        let refused = json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons});
        let aws = FakeAws::new([("TransactWriteItems", 400, refused), written()]);
        let failure = Failure::new(FailureCode::ProviderRefused, "The provider refuses this request.");
        worker(&aws, &FakeServer::new([])).mark_failed(&claimed(), failure).await.unwrap();
        let sizes = aws.calls().into_iter().map(|(_, input)| input["TransactItems"].as_array().map(Vec::len));
        assert_eq!(sizes.collect::<Vec<_>>(), [Some(2), Some(1)]);
        let update = aws.calls()[0].1["TransactItems"][1]["Update"].clone();
        assert_eq!(update["Key"]["sk"], json!({"S": format!("IMAGE#{EDIT}")}));
        let values = update["ExpressionAttributeValues"].to_string();
        assert!(values.contains("failed") && values.contains("provider-refused"), "{values}");
    }
}

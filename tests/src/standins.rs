//! The stand-in for OpenAI and Dropbox, and jobs that call it.

use std::env;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    Answer, User, id_of,
    stack::{http_client, send},
    unique, until,
};

/// The stand-in's responses to prompts and file names that contain a unique word, and the calls that it received.
#[derive(Clone, Debug)]
pub struct Plan {
    http: Client,
    address: String,
    word: String,
}

impl Plan {
    /// A plan with a new word. All calls succeed.
    ///
    /// # Errors
    /// If no stand-in runs.
    pub fn new() -> Result<Self> {
        let address = env::var("DARKROOM_STANDINS").context(
            "these tests need what stands in for OpenAI and Dropbox: use `cargo xtask test`, which starts it",
        )?;
        Ok(Self { http: http_client().build()?, address, word: unique("plan") })
    }

    /// Plans the next responses, in order: `status` with `retry_after`, `seconds` of delay, or `garbage` or `megabytes`
    /// instead of a response. For Dropbox also `refuse` with the reason, and `lost` if the call succeeds but the response
    /// is lost. A 401 with `for_all` revokes the access token.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn answers(self, steps: Value) -> Result<Self> {
        send(self.http.post(self.url("_plans")).json(&steps)).await?.expect(204)?;
        Ok(self)
    }

    /// A prompt that contains the word.
    #[must_use]
    pub fn prompt(&self) -> String {
        format!("How many squares are there? plan:{}", self.word)
    }

    /// The calls so far.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn calls(&self) -> Result<Vec<Value>> {
        self.list("_plans").await
    }

    /// A file name that contains the word.
    #[must_use]
    pub fn file_name(&self, rest: &str) -> String {
        format!("{}{rest}", self.word)
    }

    /// The files in Dropbox whose names contain the word.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn files(&self) -> Result<Vec<Value>> {
        self.list("_files").await
    }

    async fn list(&self, what: &str) -> Result<Vec<Value>> {
        let list: Answer = send(self.http.get(self.url(what))).await?;
        Ok(serde_json::from_value(list.json(200)?)?)
    }

    fn url(&self, what: &str) -> String {
        format!("{}/{what}/{}", self.address, self.word)
    }
}

impl User {
    /// Waits until the analysis of an image has ended, and returns the image.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn analysed(&self, id: &str) -> Result<Value> {
        until(&format!("the analysis of {id}"), async || {
            let image = self.image(id).await?;
            Ok((image["analysis"]["status"] != "queued").then_some(image))
        })
        .await
    }

    /// Writes a job to the table: the analysis of version 1 of an image. Returns the message that delivers it. Until
    /// `not_before`, in seconds since 1970, delivery by the stream does nothing.
    ///
    /// # Errors
    /// If there is no such image.
    pub async fn put_analysis_job(&self, image: &str, prompt: &str, not_before: i64) -> Result<Value> {
        // Any ULID is valid as the job's id.
        let analysis =
            json!({"job": image, "status": "queued", "prompt": prompt, "overdue_at": 9_999_999_999_i64});
        self.change_record(image, "SET analysis = :analysis", json!({":analysis": analysis})).await?;
        let task = json!({
            "task": "analyze", "image": image, "version": 1, "prompt": prompt, "attempts": 0, "not_before": not_before,
        });
        self.put_job(image, task).await
    }

    /// Writes a job to the table, given by its id and its other attributes. Returns the message that delivers it.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn put_job(&self, id: &str, mut job: Value) -> Result<Value> {
        (job["pk"], job["sk"]) = (json!(format!("USER#{}", self.id)), json!(format!("JOB#{id}")));
        job["id"] = json!(id);
        self.stack.aws.put_item(&self.stack.outputs.table, &job).await?;
        Ok(json!({"user": self.id, "job": id}))
    }

    /// Uploads a picture for a phone number, and returns the image's id.
    ///
    /// # Errors
    /// If the API refuses one of them.
    pub async fn upload_for_phone(
        &self,
        number: &str,
        file_name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String> {
        let file = json!({"file_name": file_name, "content_type": content_type, "size": bytes.len()});
        let path = format!("/api/phones/{number}/images");
        let mut answer = self.post(&path, &json!({"files": [file]})).await?.json(201)?;
        let result = answer["results"][0].take();
        self.stack.put(&result["upload"], bytes).await?.expect(200)?;
        Ok(id_of(&result["image"])?.to_owned())
    }

    /// Waits until the copy of an image in Dropbox is complete or has failed, and returns the image.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn mirrored(&self, id: &str) -> Result<Value> {
        until(&format!("the copy of {id} in Dropbox"), async || {
            let image = self.image(id).await?;
            Ok(matches!(image["dropbox"]["status"].as_str(), Some("done" | "failed")).then_some(image))
        })
        .await
    }

    /// Waits until all jobs of the user have ended.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn jobs_end(&self) -> Result<()> {
        until("all jobs to end", async || Ok((!self.has_jobs().await?).then_some(()))).await
    }

    /// Whether the user has jobs.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn has_jobs(&self) -> Result<bool> {
        let query = json!({
            "TableName": self.stack.outputs.table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :job)",
            "ExpressionAttributeValues": {":pk": {"S": format!("USER#{}", self.id)}, ":job": {"S": "JOB#"}},
            "ConsistentRead": true,
        });
        let found = self.stack.aws.json("dynamodb", "DynamoDB_20120810.Query", &query).await?;
        Ok(found["Count"] != 0)
    }

    /// Changes a job in the table.
    ///
    /// # Errors
    /// If there is none.
    pub async fn change_job(&self, job: &str, update: &str, values: Value) -> Result<()> {
        let (pk, sk) = (format!("USER#{}", self.id), format!("JOB#{job}"));
        self.stack.aws.update_item(&self.stack.outputs.table, (&pk, &sk), update, &values).await
    }
}

//! What stands in for OpenAI and Dropbox while the suite runs, and jobs for it.

use std::env;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    Answer, User, id_of,
    stack::{http_client, send},
    unique, until,
};

/// What the stand-in is to answer to the prompts and file names that carry one word, and the calls that came with it.
#[derive(Clone, Debug)]
pub struct Plan {
    http: Client,
    address: String,
    word: String,
}

impl Plan {
    /// A word of its own, for which all goes well.
    ///
    /// # Errors
    /// Where no stand-in runs.
    pub fn new() -> Result<Self> {
        let address = env::var("DARKROOM_STANDINS").context(
            "these tests need what stands in for OpenAI and Dropbox: use `cargo xtask test`, which starts it",
        )?;
        Ok(Self { http: http_client().build()?, address, word: unique("plan") })
    }

    /// Plans the answers to come, one after the other: `status` with `retry_after`, `seconds` to wait before it,
    /// `garbage` or `megabytes` instead of an answer. For Dropbox also `refuse` with the reason, and `lost` for an
    /// answer that never comes to what was done; a 401 `for_all` ends the access token itself.
    ///
    /// # Errors
    /// No answer.
    pub async fn answers(self, steps: Value) -> Result<Self> {
        send(self.http.post(self.url("_plans")).json(&steps)).await?.expect(204)?;
        Ok(self)
    }

    /// A prompt that carries the word.
    #[must_use]
    pub fn prompt(&self) -> String {
        format!("How many squares are there? plan:{}", self.word)
    }

    /// The calls so far.
    ///
    /// # Errors
    /// No answer.
    pub async fn calls(&self) -> Result<Vec<Value>> {
        self.list("_plans").await
    }

    /// A name for a file that carries the word.
    #[must_use]
    pub fn file_name(&self, rest: &str) -> String {
        format!("{}{rest}", self.word)
    }

    /// The files with the word in their names that Dropbox holds.
    ///
    /// # Errors
    /// No answer.
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
    /// Waits until the analysis of an image has ended, and gets the image.
    ///
    /// # Errors
    /// Where it never does.
    pub async fn analysed(&self, id: &str) -> Result<Value> {
        until(&format!("the analysis of {id}"), async || {
            let image = self.image(id).await?;
            Ok((image["analysis"]["status"] != "queued").then_some(image))
        })
        .await
    }

    /// Puts a job behind the API's back: the analysis of version 1 of an image. Gives the message that delivers
    /// it. Until `not_before`, in seconds since 1970, its own delivery does nothing.
    ///
    /// # Errors
    /// No such image.
    pub async fn put_analysis_job(&self, image: &str, prompt: &str, not_before: i64) -> Result<Value> {
        // Any ULID will do as the job's id.
        let analysis =
            json!({"job": image, "status": "queued", "prompt": prompt, "overdue_at": 9_999_999_999_i64});
        self.change_record(image, "SET analysis = :analysis", json!({":analysis": analysis})).await?;
        let task = json!({
            "task": "analyze", "image": image, "version": 1, "prompt": prompt, "attempts": 0, "not_before": not_before,
        });
        self.put_job(image, task).await
    }

    /// Puts a job behind the API's back, by its id and its other attributes. Gives the message that delivers it.
    ///
    /// # Errors
    /// No answer.
    pub async fn put_job(&self, id: &str, mut job: Value) -> Result<Value> {
        (job["pk"], job["sk"]) = (json!(format!("USER#{}", self.id)), json!(format!("JOB#{id}")));
        job["id"] = json!(id);
        self.stack.aws.put_item(&self.stack.outputs.table, &job).await?;
        Ok(json!({"user": self.id, "job": id}))
    }

    /// Uploads a picture for a phone number; gives the image's id.
    ///
    /// # Errors
    /// Where either is refused.
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

    /// Waits until an image's copy in Dropbox has been made or given up, and gets the image.
    ///
    /// # Errors
    /// Where it never is.
    pub async fn mirrored(&self, id: &str) -> Result<Value> {
        until(&format!("the copy of {id} in Dropbox"), async || {
            let image = self.image(id).await?;
            Ok(matches!(image["dropbox"]["status"].as_str(), Some("done" | "failed")).then_some(image))
        })
        .await
    }

    /// Waits until no job of the user's is left.
    ///
    /// # Errors
    /// Where one never ends.
    pub async fn jobs_end(&self) -> Result<()> {
        until("all jobs to end", async || Ok((!self.has_jobs().await?).then_some(()))).await
    }

    /// Whether any job of the user's has not ended.
    ///
    /// # Errors
    /// No answer.
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

    /// Changes a job behind the API's back.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn change_job(&self, job: &str, update: &str, values: Value) -> Result<()> {
        let (pk, sk) = (format!("USER#{}", self.id), format!("JOB#{job}"));
        self.stack.aws.update_item(&self.stack.outputs.table, (&pk, &sk), update, &values).await
    }
}

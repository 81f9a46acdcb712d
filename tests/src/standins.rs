//! What stands in for OpenAI while the suite runs, and jobs for it.

use std::env;

use anyhow::{Context, Result};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{Answer, User, stack::send, unique, until};

/// What the stand-in is to answer to the prompts that carry one word, and the calls that came with it.
#[derive(Clone, Debug)]
pub struct Plan {
    http: Client,
    url: String,
    word: String,
}

impl Plan {
    /// A word of its own, for which all goes well.
    ///
    /// # Errors
    /// Where no stand-in runs.
    pub fn new() -> Result<Self> {
        let address = env::var("DARKROOM_STANDINS")
            .context("these tests need what stands in for OpenAI: use `cargo xtask test`, which starts it")?;
        let word = unique("plan");
        Ok(Self { http: Client::new(), url: format!("{address}/_plans/{word}"), word })
    }

    /// Plans the answers to come, one after the other: `status` with `retry_after`, `seconds` to wait before it,
    /// `garbage` or `megabytes` instead of an answer.
    ///
    /// # Errors
    /// No answer.
    pub async fn answers(self, steps: Value) -> Result<Self> {
        send(self.http.post(&self.url).json(&steps)).await?.expect(204)?;
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
        let calls: Answer = send(self.http.get(&self.url)).await?;
        Ok(serde_json::from_value(calls.json(200)?)?)
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
        let job = json!({
            "pk": format!("USER#{}", self.id),
            "sk": format!("JOB#{image}"),
            "id": image,
            "task": "analyze",
            "image": image,
            "version": 1,
            "prompt": prompt,
            "attempts": 0,
            "not_before": not_before,
        });
        self.stack.aws.put_item(&self.stack.outputs.table, &job).await?;
        Ok(json!({"user": self.id, "job": image}))
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

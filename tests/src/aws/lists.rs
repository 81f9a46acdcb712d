//! Calls that list things: the items of a partition, the queues and their messages.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Aws, plain};

impl Aws {
    /// All items of a partition as plain JSON.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn partition(&self, table: &str, pk: &str) -> Result<Vec<Value>> {
        let mut query = json!({
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ConsistentRead": true,
        });
        let mut items = Vec::new();
        loop {
            let mut page = self.json("dynamodb", "DynamoDB_20120810.Query", &query).await?;
            let found = page["Items"].as_array().into_iter().flatten();
            for item in found {
                items.push(plain(&json!({"M": item}))?);
            }
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"].take();
            if query["ExclusiveStartKey"].is_null() {
                return Ok(items);
            }
        }
    }

    /// The URLs of all queues.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn queues(&self) -> Result<Vec<String>> {
        let answer = self.json("sqs", "AmazonSQS.ListQueues", &json!({"MaxResults": 1000})).await?;
        let urls = answer["QueueUrls"].as_array().into_iter().flatten();
        Ok(urls.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The bodies of at most ten visible messages of a queue. The messages stay visible.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn messages(&self, queue_url: &str) -> Result<Vec<String>> {
        let receive = json!({"QueueUrl": queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
        let answer = self.json("sqs", "AmazonSQS.ReceiveMessage", &receive).await?;
        let messages = answer["Messages"].as_array().into_iter().flatten();
        Ok(messages.filter_map(|message| message["Body"].as_str()).map(str::to_owned).collect())
    }
}

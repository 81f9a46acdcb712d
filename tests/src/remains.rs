//! What is left of a user.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{User, until};

impl User {
    /// Everything that the stack has of the user: items of the whole table, objects of both buckets, and the user in the
    /// pool.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn remains(&self) -> Result<Vec<String>> {
        let outputs = &self.stack.outputs;
        let filter = json!({"UserPoolId": outputs.user_pool_id, "Filter": format!("sub = \"{}\"", self.id)});
        let (items, originals, thumbnails, users) = tokio::try_join!(
            self.items(),
            self.stack.aws.keys(&outputs.uploads_bucket, &self.id),
            self.stack.aws.keys(&outputs.derived_bucket, &self.id),
            self.stack.cognito("ListUsers", &filter),
        )?;
        let users = users["Users"].as_array().context("no list of users")?;
        let users = users.iter().map(|user| format!("user {}", user["Username"]));
        Ok(items.into_iter().chain(originals).chain(thumbnails).chain(users).collect())
    }

    /// Waits until nothing is left of the user but the tombstone.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn only_the_tombstone_remains(&self) -> Result<()> {
        let tombstone = [format!("USER#{} PROFILE", self.id)];
        let mut left = Vec::new();
        let vanished = until(&format!("everything of {} to go", self.id), async || {
            left = self.remains().await?;
            Ok((left == tombstone).then_some(()))
        })
        .await;
        vanished.with_context(|| format!("left: {left:?}"))
    }

    /// The keys of the items of the whole table that contain the user's id.
    async fn items(&self) -> Result<Vec<String>> {
        let (mut found, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut scan = json!({
                "TableName": self.stack.outputs.table,
                "FilterExpression": "contains(pk, :id) OR contains(sk, :id)",
                "ExpressionAttributeValues": {":id": {"S": self.id}},
                "ConsistentRead": true,
            });
            if !start.is_null() {
                scan["ExclusiveStartKey"] = start;
            }
            let mut page = self.stack.aws.json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
            for item in page["Items"].as_array().context("no items")? {
                let key = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
                found.push(format!("{} {}", key("pk"), key("sk")));
            }
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return Ok(found);
            }
        }
    }
}

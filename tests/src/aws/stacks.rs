//! Calls to CloudFormation, CloudWatch Logs and IAM.

use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Aws, elements};

impl Aws {
    /// The physical id of a resource of a stack's template.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer, or there is no such resource.
    pub async fn physical_id(&self, stack: &str, resource: &str) -> Result<String> {
        let parameters = [("StackName", stack), ("LogicalResourceId", resource)];
        let xml = self.query("cloudformation", "2010-05-15", "DescribeStackResource", &parameters).await?;
        let id = elements(&xml, "PhysicalResourceId").next().map(str::to_owned);
        id.with_context(|| format!("the stack has no {resource}"))
    }

    /// Creates, updates or deletes a stack, by the name of the operation. `template` is JSON, and not for `DeleteStack`.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn change_stack(&self, operation: &str, stack: &str, template: &str) -> Result<()> {
        let mut parameters = vec![("StackName", stack)];
        if !template.is_empty() {
            parameters.push(("TemplateBody", template));
        }
        self.query("cloudformation", "2010-05-15", operation, &parameters).await.map(drop)
    }

    /// The status of a stack, such as `CREATE_COMPLETE`.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer, or there is no such stack.
    pub async fn stack_status(&self, stack: &str) -> Result<String> {
        let xml =
            self.query("cloudformation", "2010-05-15", "DescribeStacks", &[("StackName", stack)]).await?;
        elements(&xml, "StackStatus").next().map(str::to_owned).context("the stack has no status")
    }

    /// The events of a log group that contain a text.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn log_lines(&self, group: &str, text: &str) -> Result<Vec<String>> {
        let request = json!({"logGroupName": group, "filterPattern": format!("\"{text}\"")});
        let answer = self.json("logs", "Logs_20140328.FilterLogEvents", &request).await?;
        let events = answer["events"].as_array().into_iter().flatten();
        Ok(events.filter_map(|event| event["message"].as_str()).map(str::to_owned).collect())
    }

    /// A role's inline policy.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<Value> {
        let answer = self.iam("GetRolePolicy", &[("RoleName", role), ("PolicyName", policy)]).await?;
        let document = elements(&answer, "PolicyDocument").next().context("no policy document")?;
        Ok(serde_json::from_str(&percent_decode_str(document).decode_utf8()?)?)
    }

    /// Replaces a role's inline policy.
    ///
    /// # Errors
    /// If AWS refuses it or does not answer.
    pub async fn put_role_policy(&self, role: &str, policy: &str, document: &Value) -> Result<()> {
        self.may_change_the_stack()?;
        let document = document.to_string();
        let parameters = [("RoleName", role), ("PolicyName", policy), ("PolicyDocument", &document)];
        self.iam("PutRolePolicy", &parameters).await.map(drop)
    }

    async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.query("iam", "2010-05-08", action, parameters).await
    }
}

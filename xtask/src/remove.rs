//! Removes a deployment with everything that CloudFormation keeps: data, users, keys and logs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::aws::{Aws, Refusal};
use crate::command;

/// How long the deletion of a stack may take. A CloudFront distribution takes the longest.
const STACK_LIMIT: Duration = Duration::from_secs(60 * 60);
const POLL: Duration = Duration::from_secs(5);

/// The types of resources that template.yaml retains.
const BUCKET: &str = "AWS::S3::Bucket";
const TABLE: &str = "AWS::DynamoDB::Table";
const POOL: &str = "AWS::Cognito::UserPool";

/// What belongs to a deployment.
#[derive(Debug)]
struct Deployment {
    id: String,
    name: String,
    is_deleted: bool,
    buckets: Vec<String>,
    tables: Vec<String>,
    pools: Vec<String>,
    secrets: Vec<String>,
}

/// Removes a deployment, if `confirmed` is its name. Otherwise only prints what would be removed. `stack` is its name,
/// or its id after the stack was deleted.
pub(crate) fn run(aws: &mut Aws, stack: &str, confirmed: Option<&str>) -> Result<()> {
    let deployment = Deployment::find(aws, stack)?;
    println!("{}", deployment.described());
    let Some(confirmed) = confirmed else {
        println!("Nothing was removed. To remove all of it, add --confirm {}.", deployment.name);
        return Ok(());
    };
    ensure!(
        confirmed == deployment.name,
        "--confirm {confirmed} is not the name of the stack {}",
        deployment.name
    );
    println!("If this command is interrupted, run it again with --stack-name {}.", deployment.id);
    deployment.remove(aws)?;
    println!("{} is removed. docs/DEPLOYING.md says what AWS itself keeps for a while.", deployment.name);
    Ok(())
}

impl Deployment {
    fn find(aws: &mut Aws, stack: &str) -> Result<Self> {
        let found = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
        let found = &found["Stacks"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned).context("an incomplete stack");
        let (id, name) = (text(&found["StackId"])?, text(&found["StackName"])?);
        let is_deleted = found["StackStatus"] == "DELETE_COMPLETE";
        if is_deleted {
            ensure_unused_name(aws, &id, &name)?;
        }
        let resources = resources(aws, &id)?;
        let of = |kind: &str| {
            let of_kind = resources.iter().filter(|(of, _)| of == kind);
            of_kind.map(|(_, id)| id.clone()).collect::<Vec<String>>()
        };
        let (buckets, mut tables, pools) = (of(BUCKET), of(TABLE), of(POOL));
        // A table that was restored from the stack's own.
        let mut outputs = found["Outputs"].as_array().into_iter().flatten();
        let in_use = outputs.find(|output| output["OutputKey"] == "TableName");
        if let Some(name) = in_use.and_then(|output| output["OutputValue"].as_str())
            && !tables.iter().any(|table| table == name)
        {
            tables.push(name.to_owned());
        }
        let secrets = ["A", "B"].map(|key| format!("{name}/edge-key-{key}"));
        let mut existing = Vec::new();
        for secret in secrets {
            if !is_gone(aws, "secretsmanager", "describe_secret", json!({"SecretId": secret}))? {
                existing.push(secret);
            }
        }
        Ok(Self { id, name, is_deleted, buckets, tables, pools, secrets: existing })
    }

    fn described(&self) -> String {
        let list = |what: &str, names: &[String]| format!("  {what}: {}\n", names.join(", "));
        let stack =
            if self.is_deleted { "was deleted" } else { "and its functions, queues, alarms and logs" };
        format!(
            "Stack {} {stack}\n{}{}{}{}",
            self.name,
            list("buckets with all versions of all files", &self.buckets),
            list("tables", &self.tables),
            list("user pools", &self.pools),
            list("secrets", &self.secrets),
        )
    }

    fn remove(&self, aws: &mut Aws) -> Result<()> {
        // A stack that was deleted in another way leaves protected resources.
        command::step("ending the protection from deletion", || self.unprotect(aws))?;
        if !self.is_deleted {
            command::step(&format!("deleting the stack {}", self.name), || self.delete_stack(aws))?;
        }
        for bucket in &self.buckets {
            command::step(&format!("emptying and deleting {bucket}"), || delete_bucket(aws, bucket))?;
        }
        for table in &self.tables {
            command::step(&format!("deleting the table {table}"), || {
                unless_gone(aws.call("dynamodb", "delete_table", json!({"TableName": table})))
            })?;
        }
        for pool in &self.pools {
            command::step(&format!("deleting the user pool {pool}"), || {
                unless_gone(aws.call("cognito-idp", "delete_user_pool", json!({"UserPoolId": pool})))
            })?;
        }
        for secret in &self.secrets {
            let delete = json!({"SecretId": secret, "ForceDeleteWithoutRecovery": true});
            unless_gone(aws.call("secretsmanager", "delete_secret", delete))?;
        }
        self.delete_logs(aws)
    }

    /// With `Stage=prod`, the table and the user pool are protected. A removal that was interrupted may have deleted some
    /// of them.
    fn unprotect(&self, aws: &mut Aws) -> Result<()> {
        for table in &self.tables {
            let found = existing(aws.call("dynamodb", "describe_table", json!({"TableName": table})))?;
            if found.is_some_and(|found| found["Table"]["DeletionProtectionEnabled"] == true) {
                let off = json!({"TableName": table, "DeletionProtectionEnabled": false});
                aws.call("dynamodb", "update_table", off)?;
            }
        }
        for pool in &self.pools {
            let found = existing(aws.call("cognito-idp", "describe_user_pool", json!({"UserPoolId": pool})))?;
            if found.is_some_and(|found| found["UserPool"]["DeletionProtection"] == "ACTIVE") {
                let off = json!({"UserPoolId": pool, "DeletionProtection": "INACTIVE"});
                aws.call("cognito-idp", "update_user_pool", off)?;
            }
        }
        Ok(())
    }

    fn delete_stack(&self, aws: &mut Aws) -> Result<()> {
        aws.call("cloudformation", "delete_stack", json!({"StackName": self.name}))?;
        let start = Instant::now();
        loop {
            // By its id, because a deleted stack has no name.
            let found = match aws.call("cloudformation", "describe_stacks", json!({"StackName": self.id})) {
                Err(error) if is_refusal(&error, &["ValidationError"]) => return Ok(()),
                found => found?,
            };
            match found["Stacks"][0]["StackStatus"].as_str() {
                Some("DELETE_COMPLETE") | None => return Ok(()),
                Some("DELETE_FAILED") => bail!("{}", found["Stacks"][0]["StackStatusReason"]),
                Some(_) if start.elapsed() > STACK_LIMIT => bail!("CloudFormation still deletes the stack"),
                Some(_) => sleep(POLL),
            }
        }
    }

    /// Deletes log groups that CloudFormation has not deleted, or that a late invocation has made again.
    fn delete_logs(&self, aws: &mut Aws) -> Result<()> {
        for prefix in ["/darkroom", "/aws/vendedlogs/darkroom"] {
            let prefix = format!("{prefix}/{}/", self.name);
            let found = aws.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": prefix}))?;
            for group in found["logGroups"].as_array().into_iter().flatten() {
                let delete = json!({"logGroupName": group["logGroupName"]});
                unless_gone(aws.call("logs", "delete_log_group", delete))?;
            }
        }
        Ok(())
    }
}

/// Fails if another stack has the name of a deleted one. Then the buckets, secrets and log groups with this name belong
/// to the other stack, and it may have imported the table and the user pool.
fn ensure_unused_name(aws: &mut Aws, id: &str, name: &str) -> Result<()> {
    let found = match aws.call("cloudformation", "describe_stacks", json!({"StackName": name})) {
        // By a name, CloudFormation finds only stacks that exist.
        Err(error) if is_refusal(&error, &["ValidationError"]) => return Ok(()),
        found => found?,
    };
    let other = &found["Stacks"][0]["StackId"];
    ensure!(
        *other == id,
        "{id} was deleted. The buckets, secrets and logs with its name belong to {other}, so nothing was removed"
    );
    Ok(())
}

/// The types and physical ids of a stack's resources. A deleted stack still lists what it retained.
fn resources(aws: &mut Aws, stack: &str) -> Result<Vec<(String, String)>> {
    let mut request = json!({"StackName": stack});
    let mut resources = Vec::new();
    loop {
        let mut page = aws.call("cloudformation", "list_stack_resources", request.clone())?;
        for resource in page["StackResourceSummaries"].as_array().into_iter().flatten() {
            let text = |name: &str| resource[name].as_str().map(str::to_owned);
            resources.extend(text("ResourceType").zip(text("PhysicalResourceId")));
        }
        match page["NextToken"].take() {
            Value::Null => return Ok(resources),
            token => request["NextToken"] = token,
        }
    }
}

/// Deletes a bucket with all versions, delete markers and unfinished uploads.
fn delete_bucket(aws: &mut Aws, bucket: &str) -> Result<()> {
    if is_gone(aws, "s3", "head_bucket", json!({"Bucket": bucket}))? {
        return Ok(());
    }
    loop {
        // Always the first page, because the page before it is deleted.
        let page = aws.call("s3", "list_object_versions", json!({"Bucket": bucket}))?;
        let versions = ["Versions", "DeleteMarkers"].into_iter().filter_map(|kind| page[kind].as_array());
        let objects: Vec<Value> = versions
            .flatten()
            .map(|version| json!({"Key": version["Key"], "VersionId": version["VersionId"]}))
            .collect();
        // The maximum of one request is that of a page.
        for some in objects.chunks(1000) {
            let delete = json!({"Bucket": bucket, "Delete": {"Objects": some, "Quiet": true}});
            let answer = aws.call("s3", "delete_objects", delete)?;
            if let Some(error) = answer["Errors"].get(0) {
                bail!("deleting {} from {bucket}: {}", error["Key"], error["Message"]);
            }
        }
        if objects.is_empty() {
            break;
        }
    }
    loop {
        // Always the first page, as above.
        let page = aws.call("s3", "list_multipart_uploads", json!({"Bucket": bucket}))?;
        let uploads: Vec<&Value> = page["Uploads"].as_array().into_iter().flatten().collect();
        if uploads.is_empty() {
            break;
        }
        for upload in uploads {
            let abort = json!({"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]});
            unless_gone(aws.call("s3", "abort_multipart_upload", abort))?;
        }
    }
    unless_gone(aws.call("s3", "delete_bucket", json!({"Bucket": bucket})))
}

/// The codes with which the services say that something does not exist.
const GONE: [&str; 6] =
    ["ResourceNotFoundException", "NoSuchBucket", "NoSuchUpload", "404", "NotFound", "ResourceNotFound"];

fn is_refusal(error: &anyhow::Error, codes: &[&str]) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| codes.contains(&refusal.code.as_str()))
}

/// The answer, or `None` if what the call is about does not exist.
fn existing(answer: Result<Value>) -> Result<Option<Value>> {
    match answer {
        Err(error) if is_refusal(&error, &GONE) => Ok(None),
        other => other.map(Some),
    }
}

fn unless_gone(answer: Result<Value>) -> Result<()> {
    existing(answer).map(drop)
}

fn is_gone(aws: &mut Aws, service: &str, operation: &str, request: Value) -> Result<bool> {
    Ok(existing(aws.call(service, operation, request))?.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELETED: &str = "arn:aws:cloudformation:eu-central-1:1:stack/darkroom/deleted";
    const LIVE: &str = "arn:aws:cloudformation:eu-central-1:1:stack/darkroom/live";

    fn stack(id: &str, status: &str) -> Value {
        json!({"ok": {"Stacks": [{"StackId": id, "StackName": "darkroom", "StackStatus": status}]}})
    }

    fn refusal(code: &str) -> Value {
        json!({"code": code, "message": "refused by the test"})
    }

    fn resources() -> Value {
        let bucket = json!({"ResourceType": BUCKET, "PhysicalResourceId": "darkroom-uploads"});
        json!({"ok": {"StackResourceSummaries": [bucket]}})
    }

    #[test]
    fn a_deleted_stack_whose_name_belongs_to_a_live_one_is_not_removed() -> Result<()> {
        let answers = [stack(DELETED, "DELETE_COMPLETE"), stack(LIVE, "CREATE_COMPLETE")];
        let outcome = run(&mut Aws::answering(&answers)?, DELETED, Some("darkroom"));
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(LIVE), "{error}");
        Ok(())
    }

    #[test]
    fn what_a_deleted_stack_left_is_found_if_its_name_is_unused() -> Result<()> {
        let no_secret = || refusal("ResourceNotFoundException");
        let answers = [
            stack(DELETED, "DELETE_COMPLETE"),
            refusal("ValidationError"),
            resources(),
            no_secret(),
            no_secret(),
        ];
        let deployment = Deployment::find(&mut Aws::answering(&answers)?, DELETED)?;
        assert_eq!((deployment.is_deleted, deployment.buckets), (true, vec!["darkroom-uploads".to_owned()]));
        Ok(())
    }
}

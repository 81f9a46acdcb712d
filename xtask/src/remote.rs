//! The end-to-end tests against a stack that was deployed to AWS.
//!
//! All users and tiers of a run have names with the run's prefix, so the clean-up finds only them.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::stack::{Outputs, User, random, sign_up};
use crate::test::cargo_test;
use crate::{clients, command, project, seed, tools};

mod cost;
mod suite;

use cost::Cost;
use suite::{
    LOCAL_BINARIES, LeftOut, browser_tests, ignored, list, print_left_out, remote_binaries, run_and_read,
};

const STORE: (&str, &str) =
    ("tests of the store", "its users have no common prefix, so the clean-up would not find them");
const BROWSER: &str = "needs the local stack: the page's tests read the emulator's mailbox";

/// A new AWS account may run ten functions at a time ("Lambda quotas"), and one test often makes several requests at
/// once.
const THREADS: &str = "4";

/// The directory of a run in which the tests count their requests.
const COUNTS: &str = "counts";

/// The number of passes in which the clean-up searches for new items of workers, and the pause before each.
const PASSES: u32 = 24;
const PAUSE: Duration = Duration::from_secs(5);

/// Runs the tests whose names contain one of `filters`, or all that can run there, against a stack.
pub(crate) fn test(name: &str, region: Option<&str>, filters: &[String]) -> Result<()> {
    tools::ensure()?;
    let mut aws = Aws::remote(region)?;
    let (run, deployed) = Run::new(&mut aws, name, region)?;
    let interrupted = run.clone();
    ctrlc::set_handler(move || {
        let cleaned =
            interrupted.clean_up().map(drop).and_then(|()| Ok(fs::remove_dir_all(&interrupted.dir)?));
        if let Err(error) = cleaned {
            eprintln!("error: {error:#}");
        }
        std::process::exit(130);
    })?;
    let outcome = run.test(&mut aws, name, deployed, filters);
    let cleaned = run.clean_up();
    if let (Ok((_, left_out)), Ok(users)) = (&outcome, &cleaned) {
        print_left_out(left_out);
        println!("{}", Cost::read(&run.dir.join(COUNTS), *users)?);
    }
    fs::remove_dir_all(&run.dir)?;
    cleaned?;
    let (passed, _) = outcome?;
    ensure!(passed, "tests failed; see above");
    Ok(())
}

/// One run against one stack.
#[derive(Clone)]
struct Run {
    /// The prefix of the names of all users and tiers of this run.
    prefix: String,
    /// The directory of its files.
    dir: PathBuf,
    region: Option<String>,
    user_pool_id: String,
    table: String,
    buckets: [String; 2],
}

impl Run {
    /// Finds the stack. Also returns its outputs.
    fn new(aws: &mut Aws, name: &str, region: Option<&str>) -> Result<(Self, BTreeMap<String, String>)> {
        let outputs = seed::outputs(aws, name)?;
        let output = |name: &str| {
            outputs
                .get(name)
                .cloned()
                .with_context(|| format!("the stack has no output {name}; is it Darkroom's?"))
        };
        let dir = project::target().join(format!("e2e-remote-{}", std::process::id()));
        fs::create_dir_all(dir.join(COUNTS))?;
        // The directory contains the caller's credentials.
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        let run = Self {
            prefix: format!("e2e-{}-", &random()?[..5]),
            dir,
            region: region.map(str::to_owned),
            user_pool_id: output("UserPoolId")?,
            table: output("TableName")?,
            buckets: [output("UploadsBucket")?, output("DerivedBucket")?],
        };
        Ok((run, outputs))
    }

    /// Runs the tests. Returns whether they passed, and the tests that did not run.
    fn test(
        &self,
        aws: &mut Aws,
        name: &str,
        deployed: BTreeMap<String, String>,
        filters: &[String],
    ) -> Result<(bool, LeftOut)> {
        let outputs =
            command::step("making an admin and a user for this run", || self.describe(aws, name, deployed))?;
        let mut left_out = LeftOut::new();
        let mut passed = command::step("end-to-end tests", || {
            let mut targets = vec!["--profile", "local", "--no-fail-fast", "-p", "tests"];
            let binaries = remote_binaries()?;
            targets.extend(binaries.iter().flat_map(|binary| ["--test", binary]));
            let mut cargo = cargo_test(&targets, filters);
            cargo.args(["--test-threads", THREADS]).env("DARKROOM_OUTPUTS", &outputs);
            cargo.env("DARKROOM_RUN", &self.prefix).env("DARKROOM_COUNTS", self.dir.join(COUNTS));
            run_and_read(&mut cargo, |line| left_out.extend(ignored(line)))
        })?;
        for (binary, reason) in LOCAL_BINARIES {
            let names = list(&["--profile", "local", "-p", "tests", "--test", binary], filters)?;
            left_out.extend(names.into_iter().map(|name| (format!("{binary}::{name}"), reason.to_owned())));
        }
        for name in
            list(&["--profile", "local", "--test", "quota", "--test", "search", "--test", "states"], filters)?
        {
            left_out.push((format!("{}: {name}", STORE.0), STORE.1.to_owned()));
        }
        if filters.is_empty() {
            left_out.extend(browser_tests()?.into_iter().map(|name| (name, BROWSER.to_owned())));
            if let Err(error) = clients::run(&outputs, None) {
                eprintln!("{error:#}");
                passed = false;
            }
        }
        Ok((passed, left_out))
    }

    /// Writes the stack's outputs for the tests to a file that only the caller can read.
    fn describe(&self, aws: &mut Aws, name: &str, mut deployed: BTreeMap<String, String>) -> Result<PathBuf> {
        let mut output = |name: &str| deployed.remove(name).with_context(|| format!("no output {name}"));
        let (api_id, api_url) = (output("ApiId")?, output("ApiUrl")?);
        let endpoint_url = std::env::var("AWS_ENDPOINT_URL").unwrap_or_default();
        let api_url = api_address(&endpoint_url, &api_id, &api_url)?;
        let described = aws.call("cloudformation", "describe_stacks", json!({"StackName": name}))?;
        let parameters = &described["Stacks"][0]["Parameters"];
        let parameter = |name: &str| {
            let mut all = parameters.as_array().into_iter().flatten();
            all.find(|one| one["ParameterKey"] == name).and_then(|one| one["ParameterValue"].as_str())
        };
        for (name, expected) in [
            ("ThumbnailFormat", "auto"),
            ("ThumbnailAnimation", "first"),
            ("Heic", "on"),
            ("DefaultRegion", ""),
        ] {
            if parameter(name).is_some_and(|value| value != expected) {
                eprintln!(
                    "    Tests expect {name}={expected:?}. This stack has another value: some will fail."
                );
            }
        }
        let origins = parameter("AllowedOrigins").context("the stack has no parameter AllowedOrigins")?;
        let allowed_origin = origins.split(',').next().unwrap_or_default().to_owned();
        let user = |aws: &mut Aws, name: &str, group| {
            let user =
                User { username: format!("{}{name}", self.prefix), password: format!("Aa1-{}", random()?) };
            let sub = sign_up(aws, &self.user_pool_id, &user, group)?;
            seed::enterprise_profile(aws, &self.table, &sub)?;
            Ok::<_, anyhow::Error>(user)
        };
        let session = aws.session()?;
        let [uploads_bucket, derived_bucket] = self.buckets.clone();
        let outputs = Outputs {
            web_url: format!("{api_url}/"),
            api_url,
            edge_url: String::new(),
            endpoint_url,
            allowed_origin,
            region: session.region,
            user_pool_id: self.user_pool_id.clone(),
            client_id: output("UserPoolClientId")?,
            uploads_bucket,
            derived_bucket,
            table: self.table.clone(),
            stack_name: name.to_owned(),
            demo: user(aws, "demo", None)?,
            admin: user(aws, "admin", Some("admin"))?,
            access_key: session.access_key,
            secret_key: session.secret_key,
            session_token: session.session_token,
            is_remote: true,
            api_id,
            pid: 0,
        };
        let file = self.dir.join("outputs.json");
        fs::write(&file, serde_json::to_vec_pretty(&outputs)?)?;
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        Ok(file)
    }

    /// Deletes everything that the run created on the stack, and returns the number of users. Ctrl-C also ends the tests, so
    /// two threads call this, and the first one deletes.
    fn clean_up(&self) -> Result<usize> {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock();
        command::step("deleting the data of the run", || {
            let mut aws = Aws::remote(self.region.as_deref())?;
            let users = self.users(&mut aws)?;
            let prefix = format!("TIER#{}", self.prefix);
            let (mut items, mut objects) = (self.remove_items(&mut aws, "TIER", &prefix)?, 0);
            // Workers may still write, for example because of the table's stream. So each user is checked until there was
            // nothing twice in a row.
            let mut to_do: Vec<(&str, u32)> = users.iter().map(|(_, sub)| (sub.as_str(), 0)).collect();
            for pass in 0.. {
                let mut again = Vec::new();
                for (sub, quiet) in to_do {
                    let of_user = self.remove_items(&mut aws, &format!("USER#{sub}"), "")?;
                    let mut in_buckets = 0;
                    for bucket in &self.buckets {
                        in_buckets += remove_objects(&mut aws, bucket, &format!("{sub}/"))?;
                    }
                    match (of_user + in_buckets, quiet) {
                        (0, 0) => again.push((sub, 1)),
                        (0, _) => {}
                        _ => again.push((sub, 0)),
                    }
                    (items, objects) = (items + of_user, objects + in_buckets);
                }
                if again.is_empty() {
                    break;
                }
                ensure!(pass < PASSES, "workers keep writing data of {} users", again.len());
                to_do = again;
                sleep(PAUSE);
            }
            items += self.remove_tier_joins(&mut aws, &users)?;
            for (username, _) in &users {
                let delete = json!({"UserPoolId": self.user_pool_id, "Username": username});
                aws.call_unless("UserNotFoundException", "cognito-idp", "admin_delete_user", delete)?;
            }
            eprintln!("    {} users, {items} items and {objects} objects are removed.", users.len());
            Ok(users.len())
        })
        .with_context(|| format!("users and tiers whose names begin with {} may be left", self.prefix))
    }

    /// The run's users, each with the name and the `sub`.
    fn users(&self, aws: &mut Aws) -> Result<Vec<(String, String)>> {
        let filter = format!("username ^= \"{}\"", self.prefix);
        let mut request = json!({"UserPoolId": self.user_pool_id, "Filter": filter});
        let mut users = Vec::new();
        loop {
            let mut page = aws.call("cognito-idp", "list_users", request.clone())?;
            for user in page["Users"].as_array().into_iter().flatten() {
                let mut attributes = user["Attributes"].as_array().into_iter().flatten();
                let sub = attributes.find(|one| one["Name"] == "sub").and_then(|one| one["Value"].as_str());
                let (Some(name), Some(sub)) = (user["Username"].as_str(), sub) else {
                    bail!("a user without name or sub");
                };
                ensure!(name.starts_with(&self.prefix), "the pool lists users that are not of this run");
                users.push((name.to_owned(), sub.to_owned()));
            }
            match page["PaginationToken"].take() {
                Value::Null => return Ok(users),
                token => request["PaginationToken"] = token,
            }
        }
    }

    /// Deletes the items that show that users joined a tier, for the run's users and tiers. Returns their number.
    fn remove_tier_joins(&self, aws: &mut Aws, users: &[(String, String)]) -> Result<usize> {
        let of_run = |sk: &str| {
            let user = sk.split_once('#').map_or("", |(_, user)| user);
            sk.starts_with(&self.prefix) || users.iter().any(|(_, sub)| sub == user)
        };
        self.remove_items_where(aws, "TIER_JOINS", "", of_run)
    }

    /// Deletes the items of a partition whose sort keys begin with `prefix`, and returns their number.
    fn remove_items(&self, aws: &mut Aws, pk: &str, prefix: &str) -> Result<usize> {
        self.remove_items_where(aws, pk, prefix, |_| true)
    }

    fn remove_items_where(
        &self,
        aws: &mut Aws,
        pk: &str,
        prefix: &str,
        is_removed: impl Fn(&str) -> bool,
    ) -> Result<usize> {
        let mut query = json!({
            "TableName": self.table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ProjectionExpression": "pk, sk",
            "ConsistentRead": true,
        });
        if !prefix.is_empty() {
            query["KeyConditionExpression"] = json!("pk = :pk AND begins_with(sk, :prefix)");
            query["ExpressionAttributeValues"][":prefix"] = json!({"S": prefix});
        }
        let mut removed = 0;
        loop {
            let mut page = aws.call("dynamodb", "query", query.clone())?;
            let mut keys = page["Items"].as_array().cloned().unwrap_or_default();
            keys.retain(|key| key["sk"]["S"].as_str().is_some_and(&is_removed));
            // The maximum of one request.
            for some in keys.chunks(25) {
                let deletes: Vec<Value> =
                    some.iter().map(|key| json!({"DeleteRequest": {"Key": key}})).collect();
                let mut left = json!({&self.table: deletes});
                while left.as_object().is_some_and(|left| !left.is_empty()) {
                    let request = json!({"RequestItems": left});
                    left = aws.call("dynamodb", "batch_write_item", request)?["UnprocessedItems"].take();
                }
            }
            removed += keys.len();
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(removed),
                key => query["ExclusiveStartKey"] = key,
            }
        }
    }
}

/// Deletes the objects whose keys begin with `prefix`, and returns their number.
fn remove_objects(aws: &mut Aws, bucket: &str, prefix: &str) -> Result<usize> {
    let mut removed = 0;
    loop {
        let page = aws.call("s3", "list_objects_v2", json!({"Bucket": bucket, "Prefix": prefix}))?;
        let keys: Vec<Value> = page["Contents"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|object| json!({"Key": object["Key"]}))
            .collect();
        if keys.is_empty() {
            return Ok(removed);
        }
        let delete = json!({"Bucket": bucket, "Delete": {"Objects": keys, "Quiet": true}});
        let answer = aws.call("s3", "delete_objects", delete)?;
        if let Some(error) = answer["Errors"].get(0) {
            bail!("removing {} from {bucket}: {}", error["Key"], error["Message"]);
        }
        removed += keys.len();
    }
}

/// The address of the API. It is the stack's output or, if there is one endpoint for all of AWS as for the local stack,
/// the API's name below that endpoint's host.
fn api_address(endpoint: &str, api_id: &str, output: &str) -> Result<String> {
    if endpoint.is_empty() {
        return Ok(output.to_owned());
    }
    let (scheme, host) = endpoint.split_once("://").context("AWS_ENDPOINT_URL is not an address")?;
    Ok(format!("{scheme}://{api_id}.execute-api.{}", host.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_stack_says_unless_all_of_aws_is_elsewhere() -> Result<()> {
        let output = "https://abc.execute-api.eu-west-1.amazonaws.com";
        assert_eq!(api_address("", "abc", output)?, output);
        assert_eq!(
            api_address("http://localhost:4566/", "abc", output)?,
            "http://abc.execute-api.localhost:4566"
        );
        assert!(api_address("localhost:4566", "abc", output).is_err());
        Ok(())
    }
}

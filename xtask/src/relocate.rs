//! Copies the data of a deployment to another one in the same account: users, items and files.
//!
//! Cognito gives each copied user another id (`sub`), which is part of the keys of the user's items and files. So the
//! copies have the new id wherever the originals have the old one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::aws::{Aws, Refusal};
use crate::stack::random;
use crate::{command, project, seed};

/// The length of the id of a user, a UUID.
const SUB: usize = 36;

/// The partition keys of the positions of scans for items of earlier releases (`shared/store/src/older_items.rs`).
const POSITIONS: [&str; 3] = ["SET_INDEX", "IMAGE_INDEX", "WORDS_INDEX"];

/// The partition keys of other items that belong to the deployment and not to its data.
const NOT_COPIED: [&str; 3] = ["POOL", "ADMINS", "TIER_JOINS"];

/// What the sort keys of a user's items begin with that are not copied. A copied job would begin again, a copied
/// delivery would be sent again, and the text of an API key contains the old id of the user. The last prefix is also
/// that of the number of keys.
const NOT_COPIED_OF_USERS: [&str; 4] = ["JOB#", "DELIVERY#", "DOWNLOAD#", "APIKEY"];

/// The ids of the copied users: the old ones and the new ones.
type Subs = BTreeMap<String, String>;

/// What became of the users.
#[derive(Default)]
struct Users {
    subs: Subs,
    /// How many have not confirmed their registration.
    unconfirmed: usize,
    /// The names of those whose confirmed address belongs to another user of the target.
    without_address: Vec<String>,
    /// The names that the target refuses.
    refused: Vec<String>,
}

/// A deployment and a session with AWS in its region.
pub(crate) struct End {
    aws: Aws,
    pool: String,
    table: String,
    /// The bucket of originals and the bucket of thumbnails.
    buckets: [String; 2],
}

impl End {
    /// Finds the deployment of a stack.
    pub(crate) fn find(mut aws: Aws, stack: &str) -> Result<Self> {
        let mut outputs = seed::outputs(&mut aws, stack)?;
        let mut output =
            |name: &str| outputs.remove(name).with_context(|| format!("{stack} has no output {name}"));
        let buckets = [output("UploadsBucket")?, output("DerivedBucket")?];
        Ok(Self { pool: output("UserPoolId")?, table: output("TableName")?, buckets, aws })
    }
}

/// Copies everything that the target does not have yet. Safe to repeat.
///
/// # Errors
/// If AWS refuses a call. If the target refuses the names of some users, everything else is copied first.
pub(crate) fn run(from: &mut End, to: &mut End) -> Result<()> {
    ensure!(from.pool != to.pool && from.table != to.table, "source and target are the same deployment");
    let users = command::step("copying the users", || copy_users(from, to))?;
    let subs = &users.subs;
    // The events of copied files would let workers develop them again, or delete those whose items do not exist yet.
    let events = Events::pause(&mut to.aws, &to.buckets[0])?;
    let copied = copy_files(from, to, subs)
        .and_then(|()| command::step("copying the items", || copy_items(from, to, subs)))
        .and_then(|()| restart_scans(to));
    events.resume(&mut to.aws)?;
    copied?;
    users.report()
}

impl Users {
    /// Says for which users an operator has to do something.
    fn report(&self) -> Result<()> {
        if !self.without_address.is_empty() {
            eprintln!(
                "These users have no confirmed address in the target, because their address belongs to another user \
                 there. They cannot use \"Forgot password\": give each of them a password with `aws cognito-idp \
                 admin-set-user-password`. {}",
                self.without_address.join(", ")
            );
        }
        if !self.refused.is_empty() {
            bail!(
                "everything else was copied, but not these users and their data, because a stack with EmailAlias=on \
                 refuses user names that are e-mail addresses: {}. To copy them, move to a stack with EmailAlias=off",
                self.refused.join(", ")
            );
        }
        Ok(())
    }
}

/// Copies the users with their attributes and groups. Passwords and second factors stay, because Cognito does not
/// reveal them.
fn copy_users(from: &mut End, to: &mut End) -> Result<Users> {
    let mut users = Users::default();
    let mut request = json!({"UserPoolId": from.pool});
    loop {
        let mut page = from.aws.call("cognito-idp", "list_users", request.clone())?;
        for user in page["Users"].as_array().into_iter().flatten() {
            if user["UserStatus"] == "UNCONFIRMED" {
                users.unconfirmed += 1;
            } else {
                copy_user(from, to, user, &mut users)?;
            }
        }
        match page["PaginationToken"].take() {
            Value::Null => break,
            token => request["PaginationToken"] = token,
        }
    }
    eprintln!(
        "    {} users; {} have not confirmed their address and have to register again",
        users.subs.len(),
        users.unconfirmed
    );
    Ok(users)
}

fn copy_user(from: &mut End, to: &mut End, user: &Value, users: &mut Users) -> Result<()> {
    let name = user["Username"].as_str().context("a user without a name")?;
    let attributes = user["Attributes"].as_array().context("a user without attributes")?;
    let of = |pool: &str| json!({"UserPoolId": pool, "Username": name});
    let mut created = create_user(to, name, attributes, &["sub"]);
    if created.as_ref().is_err_and(is_taken) && !has_user(to, name)? {
        // Another user has the address: a confirmed address is an alias of one user only (Amazon Cognito user pools API
        // Reference, "AdminCreateUser", ForceAliasCreation).
        created = create_user(to, name, attributes, &["sub", "email_verified"]);
    }
    match created {
        // An earlier run has copied the user, who may have a new password since then.
        Err(error) if is_taken(&error) => {}
        // A name must not have the form of an alias (Amazon Cognito Developer Guide, "Customizing sign-in attributes").
        Err(error) if is_refusal(&error, "InvalidParameterException") && name.contains('@') => {
            users.refused.push(name.to_owned());
            return Ok(());
        }
        created => {
            created?;
            // Only a user with a password can reset it.
            let password = json!({
                "UserPoolId": to.pool, "Username": name, "Password": format!("Aa1-{}", random()?), "Permanent": true,
            });
            to.aws.call("cognito-idp", "admin_set_user_password", password)?;
        }
    }
    if user["Enabled"] == false {
        to.aws.call("cognito-idp", "admin_disable_user", of(&to.pool))?;
    }
    let groups = from.aws.call("cognito-idp", "admin_list_groups_for_user", of(&from.pool))?;
    for group in groups["Groups"].as_array().into_iter().flatten() {
        let join = json!({"UserPoolId": to.pool, "Username": name, "GroupName": group["GroupName"]});
        to.aws.call("cognito-idp", "admin_add_user_to_group", join)?;
    }
    let copy = to.aws.call("cognito-idp", "admin_get_user", of(&to.pool))?;
    let copied = copy["UserAttributes"].as_array().context("a user without attributes")?;
    users.subs.insert(sub_of(attributes)?, sub_of(copied)?);
    let is_confirmed = |attributes: &[Value]| attribute(attributes, "email_verified") == Some("true");
    if is_confirmed(attributes) && !is_confirmed(copied) {
        users.without_address.push(name.to_owned());
    }
    Ok(())
}

/// Creates a user with these attributes, except those whose names are in `without`.
fn create_user(to: &mut End, name: &str, attributes: &[Value], without: &[&str]) -> Result<Value> {
    let is_kept = |attribute: &&Value| without.iter().all(|name| attribute["Name"] != *name);
    let kept: Vec<&Value> = attributes.iter().filter(is_kept).collect();
    let create = json!({
        "UserPoolId": to.pool, "Username": name, "UserAttributes": kept, "MessageAction": "SUPPRESS",
    });
    to.aws.call("cognito-idp", "admin_create_user", create)
}

/// Whether a pool refused a new user because of another one. The page "AdminCreateUser" of the API reference lists no
/// AliasExistsException: Cognito gives the same code for a taken address as for a taken name (boto/boto3#3213).
fn is_taken(error: &anyhow::Error) -> bool {
    is_refusal(error, "UsernameExistsException") || is_refusal(error, "AliasExistsException")
}

/// Whether the pool has a user with this name.
fn has_user(end: &mut End, name: &str) -> Result<bool> {
    let find = json!({"UserPoolId": end.pool, "Username": name});
    match end.aws.call("cognito-idp", "admin_get_user", find) {
        Err(error) if is_refusal(&error, "UserNotFoundException") => Ok(false),
        found => found.map(|_| true),
    }
}

fn sub_of(attributes: &[Value]) -> Result<String> {
    Ok(attribute(attributes, "sub").context("a user without an id")?.to_owned())
}

/// The value of an attribute of a user.
fn attribute<'a>(attributes: &'a [Value], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute["Name"] == name)?["Value"].as_str()
}

fn copy_files(from: &mut End, to: &mut End, subs: &Subs) -> Result<()> {
    for (source, target) in from.buckets.clone().iter().zip(to.buckets.clone()) {
        command::step(&format!("copying the files of {source}"), || {
            let present = list(&mut to.aws, &target)?;
            let (mut copied, mut orphans) = (0_u64, 0_u64);
            for (key, size) in list(&mut from.aws, source)? {
                let owner = key.split('/').next().unwrap_or_default();
                let Some(new) = subs.get(owner) else {
                    orphans += 1;
                    continue;
                };
                let copy = format!("{new}{}", &key[owner.len()..]);
                if present.get(&copy) != Some(&size) {
                    let origin = json!({"Bucket": source, "Key": key});
                    let copy = json!({"Bucket": target, "Key": copy, "CopySource": origin});
                    to.aws.call("s3", "copy_object", copy)?;
                    copied += 1;
                }
            }
            eprintln!("    {copied} files; {orphans} belong to users who do not exist any more");
            Ok(())
        })?;
    }
    Ok(())
}

/// The keys and lengths of the files of a bucket.
fn list(aws: &mut Aws, bucket: &str) -> Result<BTreeMap<String, u64>> {
    let mut request = json!({"Bucket": bucket});
    let mut files = BTreeMap::new();
    loop {
        let mut page = aws.call("s3", "list_objects_v2", request.clone())?;
        for object in page["Contents"].as_array().into_iter().flatten() {
            let key = object["Key"].as_str().context("an object without a key")?;
            files.insert(key.to_owned(), object["Size"].as_u64().unwrap_or_default());
        }
        match page["NextContinuationToken"].take() {
            Value::Null => return Ok(files),
            token => request["ContinuationToken"] = token,
        }
    }
}

fn copy_items(from: &mut End, to: &mut End, subs: &Subs) -> Result<()> {
    let mut request = json!({"TableName": from.table, "ConsistentRead": true});
    let (mut copied, mut present, mut left) = (0_u64, 0_u64, 0_u64);
    loop {
        let mut page = from.aws.call("dynamodb", "scan", request.clone())?;
        for item in page["Items"].as_array().into_iter().flatten() {
            let key = |name: &str| item[name]["S"].as_str().context("an item without a key");
            if !is_copied(key("pk")?, key("sk")?, subs) {
                left += 1;
                continue;
            }
            match to.aws.call("dynamodb", "put_item", put(&to.table, renamed(item, subs)?)) {
                Err(error) if is_refusal(&error, "ConditionalCheckFailedException") => present += 1,
                answer => {
                    answer?;
                    copied += 1;
                }
            }
        }
        match page["LastEvaluatedKey"].take() {
            Value::Null => break,
            key => request["ExclusiveStartKey"] = key,
        }
    }
    eprintln!("    {copied} items; {present} were there; {left} belong to the old deployment alone");
    Ok(())
}

/// Whether an item is part of the data that moves.
fn is_copied(pk: &str, sk: &str, subs: &Subs) -> bool {
    match pk.strip_prefix("USER#") {
        Some(sub) => {
            subs.contains_key(sub) && !NOT_COPIED_OF_USERS.iter().any(|prefix| sk.starts_with(prefix))
        }
        None => !NOT_COPIED.contains(&pk) && !POSITIONS.contains(&pk),
    }
}

/// The request that puts a copy. It overwrites nothing, because clients of the target may have changed an earlier copy.
/// Only a tier replaces one that admins have changed less often: each deployment begins with tiers of its own.
fn put(table: &str, item: Value) -> Value {
    let revision = item["revision"].clone();
    let is_tier = item["pk"]["S"] == "TIER" && !revision.is_null();
    let mut put =
        json!({"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
    if is_tier {
        put["ConditionExpression"] = json!("attribute_not_exists(pk) OR #revision < :revision");
        put["ExpressionAttributeNames"] = json!({"#revision": "revision"});
        put["ExpressionAttributeValues"] = json!({":revision": revision});
    }
    put
}

/// Deletes the positions of the target's scans, so that they also find the copied items of earlier releases.
fn restart_scans(to: &mut End) -> Result<()> {
    for pk in POSITIONS {
        let key = json!({"pk": {"S": pk}, "sk": {"S": "POSITION"}});
        to.aws.call("dynamodb", "delete_item", json!({"TableName": to.table, "Key": key}))?;
    }
    Ok(())
}

/// A value with the new ids of the users.
fn renamed(value: &Value, subs: &Subs) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(renamed_text(text, subs)),
        Value::Array(values) => values.iter().map(|value| renamed(value, subs)).collect::<Result<_>>()?,
        Value::Object(members) => {
            // The bridge to boto3 would pass bytes on as text.
            ensure!(
                !members.contains_key("B") && !members.contains_key("BS"),
                "an item has binary attributes"
            );
            let members = members.iter().map(|(name, value)| Ok((name.clone(), renamed(value, subs)?)));
            Value::Object(members.collect::<Result<Map<_, _>>>()?)
        }
        other => other.clone(),
    })
}

fn renamed_text(text: &str, subs: &Subs) -> String {
    let (mut renamed, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        match rest.get(..SUB).and_then(|start| subs.get(start)) {
            Some(new) => {
                renamed.push_str(new);
                rest = &rest[SUB..];
            }
            None => {
                renamed.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    renamed
}

/// The events of the target's bucket of originals, which are off while files are copied.
struct Events {
    bucket: String,
    /// Where they are stored meanwhile, so that another run can turn them on again if this one is interrupted.
    file: PathBuf,
}

impl Events {
    fn pause(aws: &mut Aws, bucket: &str) -> Result<Self> {
        let file = project::target().join(format!("events-of-{bucket}.json"));
        if !file.exists() {
            let found = aws.call("s3", "get_bucket_notification_configuration", json!({"Bucket": bucket}))?;
            let mut events = found.as_object().cloned().unwrap_or_default();
            events.remove("ResponseMetadata");
            fs::write(&file, serde_json::to_vec_pretty(&events)?)?;
        }
        put_events(aws, bucket, &json!({}))?;
        Ok(Self { bucket: bucket.to_owned(), file })
    }

    fn resume(self, aws: &mut Aws) -> Result<()> {
        let events = serde_json::from_slice(&fs::read(&self.file)?)?;
        put_events(aws, &self.bucket, &events)?;
        Ok(fs::remove_file(&self.file)?)
    }
}

fn put_events(aws: &mut Aws, bucket: &str, events: &Value) -> Result<()> {
    let put = json!({"Bucket": bucket, "NotificationConfiguration": events});
    aws.call("s3", "put_bucket_notification_configuration", put).map(drop)
}

fn is_refusal(error: &anyhow::Error, code: &str) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "5f0c3c9e-0000-4000-8000-000000000000";
    const NEW: &str = "6a1d4d0f-1111-4111-9111-111111111111";

    #[test]
    fn a_copied_item_has_the_new_id_wherever_it_has_the_old_one() -> Result<()> {
        let subs = Subs::from([(OLD.to_owned(), NEW.to_owned())]);
        let item = |sub: &str| {
            json!({
                "pk": {"S": format!("USER#{sub}")},
                "link_id": {"S": format!("7KQ2M9X4R6T8V0W1Y3Z5A7B9CD-{sub}")},
                "answer": {"M": {"keys": {"L": [{"S": format!("{sub}/é/{sub}")}, {"N": "36"}]}}},
                "deleted": {"BOOL": true},
            })
        };
        assert_eq!(renamed(&item(OLD), &subs)?, item(NEW));
        assert_eq!(renamed(&item("5f0c3c9e"), &subs)?, item("5f0c3c9e"));
        assert!(renamed(&json!({"file": {"B": "AAAA"}}), &subs).is_err());
        Ok(())
    }

    #[test]
    fn only_data_that_works_in_the_target_is_copied() {
        let subs = Subs::from([(OLD.to_owned(), NEW.to_owned())]);
        let user = format!("USER#{OLD}");
        for (pk, sk) in
            [(user.as_str(), "PROFILE"), (&user, "IMAGE#1"), (&user, "WEBHOOK#1"), ("TIER", "TIER#a")]
        {
            assert!(is_copied(pk, sk, &subs), "{pk} {sk}");
        }
        for (pk, sk) in [
            (user.as_str(), "JOB#1"),
            (&user, "DELIVERY#1#2"),
            (&user, "DOWNLOAD#0"),
            (&user, "APIKEY#1"),
            (&user, "APIKEYS"),
            ("USER#gone", "IMAGE#1"),
            ("WORDS_INDEX", "POSITION"),
            ("POOL", "POOL"),
        ] {
            assert!(!is_copied(pk, sk, &subs), "{pk} {sk}");
        }
    }

    #[test]
    fn a_copy_overwrites_only_a_tier_that_was_changed_less_often() {
        let image = put("table", json!({"pk": {"S": "USER#a"}, "sk": {"S": "IMAGE#1"}}));
        assert_eq!(image["ConditionExpression"], "attribute_not_exists(pk)");
        let tier = put("table", json!({"pk": {"S": "TIER"}, "sk": {"S": "TIER#a"}, "revision": {"N": "3"}}));
        assert_eq!(tier["ConditionExpression"], "attribute_not_exists(pk) OR #revision < :revision");
        assert_eq!(tier["ExpressionAttributeValues"], json!({":revision": {"N": "3"}}));
        let older = put("table", json!({"pk": {"S": "TIER"}, "sk": {"S": "TIER#a"}}));
        assert_eq!(older["ConditionExpression"], "attribute_not_exists(pk)");
    }
}

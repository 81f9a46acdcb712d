//! Keys, attribute values, and conditional updates.

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use domain::{Image, ImageId, JobId, ObjectKey, SetId, TierId, UserId};
use serde::{Serialize, de::DeserializeOwned};

use crate::Records;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const IMAGE: &str = "IMAGE#";
pub(crate) const SET: &str = "SET#";
pub(crate) const TIERS: &str = "TIER";

const USER: &str = "USER#";

/// Into so many partitions the index over everybody's images is spread, so that no partition takes all
/// uploads of a moment; a list of all asks every one at the same time.
pub(crate) const SHARDS: u8 = 8;

pub(crate) fn user_pk(user: &UserId) -> AttributeValue {
    string(format!("{USER}{user}"))
}

pub(crate) fn image_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("{IMAGE}{image}"))
}

pub(crate) fn set_key(user: &UserId, set: SetId) -> Item {
    key(user_pk(user), format!("{SET}{set}"))
}

pub(crate) fn profile_key(user: &UserId) -> Item {
    key(user_pk(user), "PROFILE")
}

pub(crate) fn tier_key(tier: &TierId) -> Item {
    key(string(TIERS), format!("TIER#{tier}"))
}

pub(crate) fn job_key(user: &UserId, job: JobId) -> Item {
    key(user_pk(user), format!("JOB#{job}"))
}

/// What tells, by expiring, that a replacement never came.
pub(crate) fn replacement_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("REPLACEMENT#{image}"))
}

pub(crate) fn key(pk: AttributeValue, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), string(sk))])
}

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The number to add to `before` to get `after`; it may be negative. DynamoDB allows only one `+` or `-` in a value of an
/// update expression ("Update expressions", Amazon DynamoDB Developer Guide).
pub(crate) fn difference(before: u64, after: u64) -> AttributeValue {
    number(i128::from(after) - i128::from(before))
}

/// A value as DynamoDB's attribute, by way of serde.
pub(crate) fn value(value: impl Serialize) -> Result<AttributeValue, CallError> {
    serde_dynamo::to_attribute_value(value).map_err(CallError::internal)
}

/// An item with its key and a value's fields.
pub(crate) fn item(key: Item, fields: impl Serialize) -> Result<Item, CallError> {
    let mut item: Item = serde_dynamo::to_item(fields).map_err(CallError::internal)?;
    item.extend(key);
    Ok(item)
}

/// An image's item, with what the indexes and the search by name need.
pub(crate) fn image_item(user: &UserId, image: &Image) -> Result<Item, CallError> {
    let mut item = item(image_key(user, image.id), image)?;
    item.insert("shard".to_owned(), shard(image.id.shard(SHARDS)));
    item.insert("search_name".to_owned(), search_name(image.file_name.as_str()));
    Ok(item)
}

/// A partition of the index over everybody's images.
pub(crate) fn shard(shard: u8) -> AttributeValue {
    string(format!("IMAGES#{shard}"))
}

/// What a search by file name looks in: the name without its capitals.
pub(crate) fn search_name(name: &str) -> AttributeValue {
    string(name.to_lowercase())
}

pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, CallError> {
    serde_dynamo::from_item(item).map_err(CallError::internal)
}

/// The owner of an item that lies under a user's key.
pub(crate) fn owner(item: &Item) -> Result<UserId, CallError> {
    let user = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix(USER));
    user.and_then(|user| user.parse().ok())
        .ok_or_else(|| CallError::internal("an item is under no user's key"))
}

/// The names that an expression uses, each by a placeholder of its own: `#status` stands for `status`.
pub(crate) fn names_in(expressions: &[&str]) -> Option<HashMap<String, String>> {
    let behind = expressions.iter().flat_map(|expression| expression.split('#').skip(1));
    let names = behind.map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        (format!("#{}", &rest[..end]), rest[..end].to_owned())
    });
    let names: HashMap<_, _> = names.collect();
    (!names.is_empty()).then_some(names)
}

/// An update of one item under a condition, alone or as a part of a transaction. Where the condition
/// fails, DynamoDB returns the item as it is.
pub(crate) struct Write {
    key: Item,
    update: String,
    condition: String,
    values: Item,
}

impl Write {
    /// Updates what lies at `key` where `condition` holds.
    pub(crate) fn new(key: Item, update: impl Into<String>, condition: impl Into<String>) -> Self {
        Self { key, update: update.into(), condition: condition.into(), values: HashMap::new() }
    }

    /// Updates the image that an upload belongs to, where it is of the upload's version and `condition`
    /// holds too.
    pub(crate) fn of_upload(upload: &ObjectKey, update: &str, condition: &str) -> Self {
        let condition = format!("attribute_exists(pk) AND #version = :version AND {condition}");
        Self::new(image_key(&upload.user, upload.image), update, condition)
            .value(":version", number(upload.version))
    }

    /// Goes on with the update's text.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.update.push_str(text);
        self
    }

    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn alone(self, records: &Records) -> UpdateItemFluentBuilder {
        let names = names_in(&[&self.update, &self.condition]);
        records
            .dynamodb
            .update_item()
            .table_name(&records.table)
            .set_key(Some(self.key))
            .update_expression(self.update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    pub(crate) fn in_transaction(self, records: &Records) -> Result<TransactWriteItem, CallError> {
        let names = names_in(&[&self.update, &self.condition]);
        let update = Update::builder()
            .table_name(&records.table)
            .set_key(Some(self.key))
            .update_expression(self.update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(self.values).filter(|values| !values.is_empty()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expressions_names_are_found() {
        let names = names_in(&["SET #status = :a, #lease.#until = :b", "#status IN (:c)"]).unwrap();
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        let expected = [("#lease", "lease"), ("#status", "status"), ("#until", "until")];
        assert_eq!(names, expected.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())));
        assert_eq!(names_in(&["attribute_exists(pk)"]), None);
    }
}

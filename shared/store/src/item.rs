//! Keys and attribute values.

use aws::CallError;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{ImageId, UserId};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const IMAGE: &str = "IMAGE#";

pub(crate) fn user_pk(user: &UserId) -> AttributeValue {
    string(format!("USER#{user}"))
}

pub(crate) fn image_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("{IMAGE}{image}"))
}

pub(crate) fn profile_key(user: &UserId) -> Item {
    key(user_pk(user), "PROFILE")
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

pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, CallError> {
    serde_dynamo::from_item(item).map_err(CallError::internal)
}

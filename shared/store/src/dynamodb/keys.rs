//! The keys of the table's items, and conversions between items and values.

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Image, ImageId, JobId, LinkId, PhoneNumber, SetId, TierId, Timestamp, UserId};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const IMAGE: &str = "IMAGE#";
pub(crate) const SET: &str = "SET#";
pub(crate) const LINK: &str = "LINK#";
pub(crate) const TIERS: &str = "TIER";
pub(crate) const TIER_JOINS: &str = "TIER_JOINS";

const USER: &str = "USER#";

/// The number of partitions of the index that lists the images of all users. Many partitions share the writes, and a
/// list queries all of them at the same time.
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

/// The item that shows that a user joined a tier recently.
pub(crate) fn tier_join_key(tier: &TierId, user: &UserId) -> Item {
    key(string(TIER_JOINS), format!("{tier}#{user}"))
}

/// The item that counts how often users were moved into a tier. Its sort key precedes those of the tier's joins.
pub(crate) fn tier_joins_key(tier: &TierId) -> Item {
    key(string(TIER_JOINS), format!("{tier}#"))
}

pub(crate) fn job_key(user: &UserId, job: JobId) -> Item {
    key(user_pk(user), format!("JOB#{job}"))
}

/// The item that records that an expiring link works. It expires with the link.
pub(crate) fn link_key(user: &UserId, link: LinkId) -> Item {
    key(user_pk(user), format!("{LINK}{link}"))
}

/// The item with the new e-mail address that waits for its code.
pub(crate) fn pending_email_key(user: &UserId) -> Item {
    key(user_pk(user), "PENDING_EMAIL")
}

/// The item that stores what a request with an idempotency key created. `digest` is a digest of the key.
pub(crate) fn request_key(user: &UserId, digest: &str) -> Item {
    key(user_pk(user), format!("REQUEST#{digest}"))
}

/// The item that expires at the deadline of a replacement.
pub(crate) fn replacement_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("REPLACEMENT#{image}"))
}

/// The item that records that the quota of a deleted image was refunded.
pub(crate) fn refund_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("RECLAIMED#{image}"))
}

fn key(pk: AttributeValue, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), string(sk))])
}

/// The image that a key of an image item names.
pub(crate) fn image_of_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(IMAGE)?.parse().ok()
}

/// The set that a key of a set item names.
pub(crate) fn set_of_key(key: &Item) -> Option<SetId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(SET)?.parse().ok()
}

/// The user under whose key an item is stored.
pub(crate) fn owner(item: &Item) -> Result<UserId, CallError> {
    let user = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix(USER));
    user.and_then(|user| user.parse().ok())
        .ok_or_else(|| CallError::internal("an item is not stored under a user's key"))
}

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn timestamp(time: Timestamp) -> AttributeValue {
    string(time.to_string())
}

/// Converts a value with serde.
pub(crate) fn value(value: impl Serialize) -> Result<AttributeValue, CallError> {
    serde_dynamo::to_attribute_value(value).map_err(CallError::internal)
}

/// An item with a key and the fields of a value.
pub(crate) fn item(key: Item, fields: impl Serialize) -> Result<Item, CallError> {
    let mut item: Item = serde_dynamo::to_item(fields).map_err(CallError::internal)?;
    item.extend(key);
    Ok(item)
}

/// An image's item, with the attributes for the indexes and for the search by name.
pub(crate) fn image_item(user: &UserId, image: &Image) -> Result<Item, CallError> {
    let mut item = item(image_key(user, image.id), image)?;
    item.insert("shard".to_owned(), shard(image.id.shard(SHARDS)));
    item.insert("search_name".to_owned(), search_name(image.file_name.as_str()));
    if let Some(number) = &image.phone_number {
        item.insert("phone_image".to_owned(), phone_image(number, image.id));
    }
    Ok(item)
}

/// The sort key of the index that lists a user's images for a phone number.
pub(crate) fn phone_image(number: &PhoneNumber, image: ImageId) -> AttributeValue {
    string(format!("{}{image}", phone_images(number)))
}

/// What the sort keys of a phone number's images begin with. `#` is not part of a number, so no number is the beginning
/// of another one.
pub(crate) fn phone_images(number: &PhoneNumber) -> String {
    format!("{}#", number.as_str())
}

/// A partition of the index that lists the images of all users.
pub(crate) fn shard(shard: u8) -> AttributeValue {
    string(format!("IMAGES#{shard}"))
}

/// The lower-case file name, which the search by file name uses.
pub(crate) fn search_name(name: &str) -> AttributeValue {
    string(name.to_lowercase())
}

pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, CallError> {
    serde_dynamo::from_item(item).map_err(CallError::internal)
}

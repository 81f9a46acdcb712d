//! The keys of the table's items, and conversions between items and values.

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    ApiKeyId, AuditId, DeliveryId, Image, ImageId, ImageSet, JobId, LinkId, Month, PhoneNumber, SetId,
    TierId, Timestamp, UploadLinkId, UserId, WebhookId,
};
use serde::{Serialize, de::DeserializeOwned};
use tracing::error;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const IMAGE: &str = "IMAGE#";
pub(crate) const SET: &str = "SET#";
pub(crate) const LINK: &str = "LINK#";
pub(crate) const JOB: &str = "JOB#";
pub(crate) const PROFILE: &str = "PROFILE";
pub(crate) const DOWNLOAD: &str = "DOWNLOAD#";
pub(crate) const TRASH: &str = "TRASH#";
pub(crate) const UPLOAD_LINK: &str = "UPLOADLINK#";
pub(crate) const API_KEY: &str = "APIKEY#";
pub(crate) const WEBHOOK: &str = "WEBHOOK#";
pub(crate) const TIERS: &str = "TIER";
pub(crate) const TIER_JOINS: &str = "TIER_JOINS";

/// The sort key of the index that lists a user's images by the times at which their pictures were taken.
pub(crate) const TAKEN_IMAGE: &str = "taken_image";

const USER: &str = "USER#";

/// The attribute of an image that shows that the item with its words exists.
pub(crate) const HAS_WORDS: &str = "has_words";

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
    key(user_pk(user), PROFILE)
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
    key(user_pk(user), format!("{JOB}{job}"))
}

/// The item of an expiring link. It expires with the link.
pub(crate) fn link_key(link: &LinkId) -> Item {
    key(user_pk(link.user()), format!("{}{}", links_of_image(link.image()), link.secret()))
}

/// What the sort keys of an image's expiring links begin with. The records of earlier releases have another form,
/// `LINK#` and a ULID.
pub(crate) fn links_of_image(image: ImageId) -> String {
    format!("{LINK}{image}#")
}

/// The item with the new e-mail address that waits for its code.
pub(crate) fn pending_email_key(user: &UserId) -> Item {
    key(user_pk(user), "PENDING_EMAIL")
}

/// The item of an upload link. It expires with the link.
pub(crate) fn upload_link_key(link: &UploadLinkId) -> Item {
    key(user_pk(link.user()), format!("{UPLOAD_LINK}{}", link.secret()))
}

/// The item of an API key. It may expire.
pub(crate) fn api_key_key(user: &UserId, key_id: ApiKeyId) -> Item {
    key(user_pk(user), format!("{API_KEY}{key_id}"))
}

/// The item that counts the API keys of a user.
pub(crate) fn api_key_count_key(user: &UserId) -> Item {
    key(user_pk(user), "APIKEYS")
}

/// The item of a webhook.
pub(crate) fn webhook_key(user: &UserId, webhook: WebhookId) -> Item {
    key(user_pk(user), format!("{WEBHOOK}{webhook}"))
}

/// The item with the secrets of a webhook. Its sort key does not begin as those of webhooks, so no list reads it.
pub(crate) fn webhook_secrets_key(user: &UserId, webhook: WebhookId) -> Item {
    key(user_pk(user), format!("WEBHOOKSECRETS#{webhook}"))
}

/// The item that counts the webhooks of a user.
pub(crate) fn webhook_count_key(user: &UserId) -> Item {
    key(user_pk(user), "WEBHOOKS")
}

/// The item of a delivery to a webhook. It expires.
pub(crate) fn delivery_key(user: &UserId, webhook: WebhookId, delivery: DeliveryId) -> Item {
    key(user_pk(user), format!("{}{delivery}", deliveries_of(webhook)))
}

/// What the sort keys of a webhook's deliveries begin with.
pub(crate) fn deliveries_of(webhook: WebhookId) -> String {
    format!("DELIVERY#{webhook}#")
}

/// The item that stores what a request with an idempotency key created. `digest` is a digest of the key.
pub(crate) fn request_key(user: &UserId, digest: &str) -> Item {
    key(user_pk(user), format!("REQUEST#{digest}"))
}

/// The item that names the user pool of the table's users.
pub(crate) fn pool_key() -> Item {
    key(string("POOL"), "POOL")
}

/// The item of a rendition. `canonical` is the rendition's canonical form.
pub(crate) fn rendition_key(user: &UserId, image: ImageId, canonical: &str) -> Item {
    key(user_pk(user), format!("{}{canonical}", renditions_of(image)))
}

/// What the sort keys of an image's renditions begin with.
pub(crate) fn renditions_of(image: ImageId) -> String {
    format!("RENDITION#{image}#")
}

/// The item that expires at the deadline of a replacement.
pub(crate) fn replacement_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("REPLACEMENT#{image}"))
}

/// The item of a download. A user has a fixed number of them.
pub(crate) fn download_key(user: &UserId, slot: u8) -> Item {
    key(user_pk(user), format!("{DOWNLOAD}{slot}"))
}

/// The item that lists an image in the trash. It expires when the image must be deleted.
pub(crate) fn trash_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("{TRASH}{image}"))
}

/// The item with the words of an image, for the search.
pub(crate) fn words_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("{}{image}", words_of_shard(image.shard(SHARDS))))
}

/// What the sort keys of a part of a user's items with words begin with. Eight parts can be read at the same time.
pub(crate) fn words_of_shard(shard: u8) -> String {
    format!("WORDS#{shard}#")
}

/// The image that a key of an item with words names.
pub(crate) fn image_of_words_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.rsplit_once('#')?.1.parse().ok()
}

/// The item that stores how far the images of earlier versions have got their words.
pub(crate) fn words_index_key() -> Item {
    key(string("WORDS_INDEX"), "POSITION")
}

/// The item that records that the quota of a deleted image was refunded.
pub(crate) fn refund_key(user: &UserId, image: ImageId) -> Item {
    key(user_pk(user), format!("RECLAIMED#{image}"))
}

/// An entry of the audit trail.
pub(crate) fn audit_key(entry: AuditId) -> Item {
    key(audit_month(Month::of(entry.time())), entry.to_string())
}

/// The partition of a month's audit entries.
pub(crate) fn audit_month(month: Month) -> AttributeValue {
    string(format!("AUDIT#{month}"))
}

/// The lock of requests that may take the last admin away.
pub(crate) fn admin_lock_key() -> Item {
    key(string("ADMINS"), "LOCK")
}

/// The item that stores how far the sets of earlier versions have got the attributes of the list for admins.
pub(crate) fn set_index_key() -> Item {
    key(string("SET_INDEX"), "POSITION")
}

/// The item that stores how far the images of earlier versions have got the attribute [`TAKEN_IMAGE`].
pub(crate) fn image_index_key() -> Item {
    key(string("IMAGE_INDEX"), "POSITION")
}

/// The item that stores what an import made from a line of its manifest. `digest` is a digest of the line's id.
pub(crate) fn import_key(user: &UserId, digest: &str) -> Item {
    key(user_pk(user), format!("IMPORT#{digest}"))
}

pub(crate) fn key(pk: AttributeValue, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), string(sk))])
}

/// The image that a key of an image item names.
pub(crate) fn image_of_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(IMAGE)?.parse().ok()
}

/// The image that a key of an item of the trash names.
pub(crate) fn image_of_trash_key(key: &Item) -> Option<ImageId> {
    key.get("sk")?.as_s().ok()?.strip_prefix(TRASH)?.parse().ok()
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
    item.insert(TAKEN_IMAGE.to_owned(), taken_image(image));
    item.insert(HAS_WORDS.to_owned(), AttributeValue::Bool(true));
    if let Some(number) = &image.phone_number {
        item.insert("phone_image".to_owned(), phone_image(number, image.id));
    }
    Ok(item)
}

/// An image set's item, with the attributes for the list for admins and for its search.
pub(crate) fn set_item(user: &UserId, set: &ImageSet) -> Result<Item, CallError> {
    let mut item = item(set_key(user, set.id), set)?;
    item.extend(set_index_attributes(set));
    Ok(item)
}

/// The attributes of a set's item that only the list for admins and its search use.
pub(crate) fn set_index_attributes(set: &ImageSet) -> Vec<(String, AttributeValue)> {
    let mut attributes = vec![("shard".to_owned(), set_shard(set.id.shard(SHARDS)))];
    if let Some(title) = &set.title {
        attributes.push(("search_title".to_owned(), search_name(title.as_str())));
    }
    if let Some(description) = &set.description {
        attributes.push(("search_description".to_owned(), search_name(description.as_str())));
    }
    attributes
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

/// The value of [`TAKEN_IMAGE`]. It changes when another picture is ready.
pub(crate) fn taken_image(image: &Image) -> AttributeValue {
    string(image.taken_position().to_string())
}

/// A partition of the index that lists the images of all users.
pub(crate) fn shard(shard: u8) -> AttributeValue {
    string(format!("IMAGES#{shard}"))
}

/// A partition of the index that lists the image sets of all users. It is the same index as that of the images.
pub(crate) fn set_shard(shard: u8) -> AttributeValue {
    string(format!("SETS#{shard}"))
}

/// A file name or another text in lower case, for a search in which upper and lower case are equal.
pub(crate) fn search_name(name: &str) -> AttributeValue {
    string(name.to_lowercase())
}

pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, CallError> {
    serde_dynamo::from_item(item).map_err(CallError::internal)
}

/// Converts an item of a list. `None` if it cannot be read: for example, a later release may have stored a value that
/// this one does not know. One such item must not make the whole list fail. The log contains the item's key, which must
/// not be a secret.
pub(crate) fn readable<T: DeserializeOwned>(item: Item) -> Option<T> {
    let [pk, sk] = ["pk", "sk"].map(|name| item.get(name).and_then(|key| key.as_s().ok()).cloned());
    match read(item) {
        Ok(value) => Some(value),
        Err(cause) => {
            error!(pk, sk, cause = aws::causes(&cause), "left out an item that cannot be read");
            None
        }
    }
}

//! Records of the table's stream.

use aws::CallError;
use aws_lambda_events::dynamodb::EventRecord;
use domain::UserId;
use serde::{Deserialize, de::DeserializeOwned};

/// The keys of the item that a record is about.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keys {
    pk: String,
    /// The sort key.
    pub sk: String,
}

impl Keys {
    /// Whether the item is a tier.
    #[must_use]
    pub fn is_tier(&self) -> bool {
        self.pk == "TIER"
    }

    /// The keys in a record.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the record has no such keys.
    pub fn of(record: &EventRecord) -> Result<Self, CallError> {
        serde_dynamo::from_item(record.change.keys.clone()).map_err(CallError::internal)
    }

    /// The user in whose partition the item is, if it is the partition of a user.
    ///
    /// # Errors
    /// [`CallError::Internal`] if the partition's user id is invalid.
    pub fn user(&self) -> Result<Option<UserId>, CallError> {
        self.pk.strip_prefix("USER#").map(|user| user.parse().map_err(CallError::internal)).transpose()
    }
}

/// The item after the change.
///
/// # Errors
/// [`CallError::Internal`] if the item does not have the form of a `T`.
pub fn new_item<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.new_image.clone()).map_err(CallError::internal)
}

/// The item before the change.
///
/// # Errors
/// [`CallError::Internal`] if the item does not have the form of a `T`.
pub fn old_item<T: DeserializeOwned>(record: &EventRecord) -> Result<T, CallError> {
    serde_dynamo::from_item(record.change.old_image.clone()).map_err(CallError::internal)
}

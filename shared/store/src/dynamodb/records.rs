//! The table, and requests that read items or write one item.

use std::time::{Duration, Instant};

use aws::CallError;
use aws_sdk_dynamodb::{
    Client, Config,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        delete_item::builders::DeleteItemFluentBuilder,
        put_item::builders::PutItemFluentBuilder,
        query::builders::QueryFluentBuilder,
        scan::builders::ScanFluentBuilder,
        update_item::{UpdateItemError, UpdateItemOutput},
    },
    types::KeysAndAttributes,
};
use aws_types::SdkConfig;
use domain::Tier;
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::{
    condition::Condition,
    keys::{Item, read},
    placeholders::Placeholders,
    retry::{RetryConflicts, pause},
};

/// The table.
#[derive(Debug)]
pub struct Records {
    pub(crate) dynamodb: Client,
    pub(crate) table: String,
    pub(crate) default_tier: CachedTier,
}

/// The tier of new users, as this process last read it.
#[derive(Debug, Default)]
pub(crate) struct CachedTier(pub(crate) Mutex<Option<(Instant, Tier)>>);

impl CachedTier {
    /// How long the cached tier is used. In this time, users without a profile see the tier as it was before a change.
    pub(crate) const TIME: Duration = Duration::from_secs(60);
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T, I> {
    /// The items. There may be fewer than the limit although more follow.
    pub items: Vec<T>,
    /// The id after which the next page begins, if more items may follow.
    pub next: Option<I>,
}

impl<T, I> Page<T, I> {
    /// A page of at most `limit` of the items that were read. If no item is left out, the next page begins after
    /// `after`.
    pub(crate) fn new(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> I, after: Option<I>) -> Self {
        if items.len() <= limit {
            return Self { items, next: after };
        }
        items.truncate(limit);
        let next = items.last().map(id);
        Self { items, next }
    }
}

impl Records {
    /// The table that the environment variable `TABLE_NAME` names.
    ///
    /// # Errors
    /// [`aws::MissingVariable`]
    pub fn from_env(config: &SdkConfig) -> Result<Self, aws::MissingVariable> {
        Ok(Self::new(config, aws::var("TABLE_NAME")?))
    }

    /// The table with this name.
    #[must_use]
    pub fn new(config: &SdkConfig, table: String) -> Self {
        let config = Config::from(config).to_builder().retry_classifier(RetryConflicts).build();
        Self { dynamodb: Client::from_conf(config), table, default_tier: CachedTier::default() }
    }

    /// Reads an item with a consistent read.
    pub(crate) async fn get<T: DeserializeOwned>(&self, key: Item) -> Result<Option<T>, CallError> {
        self.get_item(key).await?.map(read).transpose()
    }

    /// Reads an item with a consistent read, as it is stored.
    pub(crate) async fn get_item(&self, key: Item) -> Result<Option<Item>, CallError> {
        let get = self.dynamodb.get_item().table_name(&self.table).set_key(Some(key));
        Ok(get.consistent_read(true).send().await?.item)
    }

    /// A query of the items whose keys meet `keys` and whose attributes meet `filter`.
    pub(crate) fn query(
        &self,
        keys: Condition,
        filter: Option<Condition>,
    ) -> Result<QueryFluentBuilder, CallError> {
        let mut placeholders = Placeholders::default();
        let keys = keys.render(&mut placeholders);
        let filter = filter.map(|filter| filter.render(&mut placeholders));
        let (names, values) = placeholders.into_maps()?;
        Ok(self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression(keys)
            .set_filter_expression(filter)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values))
    }

    /// A scan of the items whose attributes meet `filter`.
    pub(crate) fn scan(&self, filter: Condition) -> Result<ScanFluentBuilder, CallError> {
        let mut placeholders = Placeholders::default();
        let filter = filter.render(&mut placeholders);
        let (names, values) = placeholders.into_maps()?;
        Ok(self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .filter_expression(filter)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values))
    }

    /// Puts an item if the stored item meets `condition`.
    pub(crate) fn put_when(
        &self,
        item: Item,
        condition: Condition,
    ) -> Result<PutItemFluentBuilder, CallError> {
        let mut placeholders = Placeholders::default();
        let condition = condition.render(&mut placeholders);
        let (names, values) = placeholders.into_maps()?;
        Ok(self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values))
    }

    /// Deletes an item if it meets `condition`.
    pub(crate) fn delete_when(
        &self,
        key: Item,
        condition: Condition,
    ) -> Result<DeleteItemFluentBuilder, CallError> {
        let mut placeholders = Placeholders::default();
        let condition = condition.render(&mut placeholders);
        let (names, values) = placeholders.into_maps()?;
        Ok(self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values))
    }

    /// Reads items by their keys, in any order, without those that do not exist.
    pub(crate) async fn batch(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, CallError> {
        // The maximum of one call (BatchGetItem, "Keys").
        const BATCH: usize = 100;
        let mut batches = Vec::new();
        while !keys.is_empty() {
            let rest = keys.split_off(keys.len().min(BATCH));
            batches.push(self.one_batch(std::mem::replace(&mut keys, rest)));
        }
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// Reads items of one partition by their keys. Each is at the place of its key.
    pub(crate) async fn batch_in_order<const N: usize>(
        &self,
        keys: [Item; N],
    ) -> Result<[Option<Item>; N], CallError> {
        let mut items = self.batch(keys.to_vec()).await?;
        Ok(keys.map(|key| {
            let index = items.iter().position(|item| item.get("sk") == key.get("sk"))?;
            Some(items.swap_remove(index))
        }))
    }

    async fn one_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>, CallError> {
        const ATTEMPTS: u32 = 5;
        let mut items = Vec::with_capacity(keys.len());
        let mut wanted = keys;
        for attempt in 0..ATTEMPTS {
            let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let request = request.map_err(CallError::internal)?;
            let answer = self.dynamodb.batch_get_item().request_items(&self.table, request).send().await?;
            items.extend(answer.responses.into_iter().flatten().flat_map(|(_table, items)| items));
            wanted = answer
                .unprocessed_keys
                .into_iter()
                .flatten()
                .flat_map(|(_table, request)| request.keys)
                .collect();
            if wanted.is_empty() {
                return Ok(items);
            }
            pause(attempt).await;
        }
        Err(CallError::Unavailable("DynamoDB did not process all keys of a batch".into()))
    }
}

/// The item after an update that asked for all new attributes.
pub(crate) fn updated<T: DeserializeOwned>(answer: UpdateItemOutput) -> Result<T, CallError> {
    read(answer.attributes.ok_or_else(|| CallError::internal("DynamoDB returned no attributes"))?)
}

/// Whether DynamoDB refused a write because its condition was false.
pub(crate) fn is_condition<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code == Some("ConditionalCheckFailedException")
}

/// The stored item, if DynamoDB refused an update because its condition was false. The inner value is `None` if there
/// is no such item.
///
/// # Errors
/// [`CallError`] if the update failed for another reason.
pub(crate) fn refused_update(error: SdkError<UpdateItemError>) -> Result<Option<Item>, CallError> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(failed.item().cloned()),
        _ => Err(error.into()),
    }
}

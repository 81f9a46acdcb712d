//! Adds the items of earlier versions to indexes.
//!
//! Earlier versions wrote image sets without the attributes of the list for admins, and images without the sort key of
//! the list by the time taken and without their words. `workers-find-uploads` scans the table and adds them. It stores its position, so a large
//! table takes several runs. A pass that finds no such item is the last one, because a function of the earlier version
//! may still write an item during the first pass.

use aws::CallError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Image, ImageSet};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::dynamodb::{
    condition::{begins_with, eq, not_exists},
    keys::{
        HAS_WORDS, IMAGE, Item, SET, TAKEN_IMAGE, image_index_key, item, key, owner, read,
        set_index_attributes, set_index_key, string, taken_image, words_index_key,
    },
    records::{Records, is_condition},
    update::Update,
};
use crate::images::words::words_item;

/// How many items are changed at the same time.
const CONCURRENCY: usize = 32;

/// Items that earlier versions wrote without the attributes of an index.
#[derive(Clone, Copy, Debug)]
pub enum OlderItems {
    /// Image sets, which are missing in the list for admins.
    Sets,
    /// Images, which are missing in the list by the time taken.
    Images,
    /// Images, which have no words, so that no search finds them.
    Words,
}

impl OlderItems {
    /// The key of the item that stores the position of the scan.
    fn position(self) -> Item {
        match self {
            Self::Sets => set_index_key(),
            Self::Images => image_index_key(),
            Self::Words => words_index_key(),
        }
    }

    /// What the sort keys of these items begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Sets => SET,
            Self::Images | Self::Words => IMAGE,
        }
    }

    /// The attribute that the items lack.
    fn missing(self) -> &'static str {
        match self {
            Self::Sets => "shard",
            Self::Images => TAKEN_IMAGE,
            Self::Words => HAS_WORDS,
        }
    }

    /// The attributes to add to an item.
    fn attributes(self, item: Item) -> Result<Vec<(String, AttributeValue)>, CallError> {
        Ok(match self {
            Self::Sets => set_index_attributes(&read::<ImageSet>(item)?),
            Self::Images => vec![(TAKEN_IMAGE.to_owned(), taken_image(&read::<Image>(item)?))],
            Self::Words => vec![(HAS_WORDS.to_owned(), AttributeValue::Bool(true))],
        })
    }

    /// Another item that is put together with the attributes.
    fn further(self, item: &Item) -> Result<Option<Item>, CallError> {
        Ok(match self {
            Self::Sets | Self::Images => None,
            Self::Words => Some(words_item(&owner(item)?, &read::<Image>(item.clone())?)),
        })
    }
}

/// How far the scans have got.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    /// The key after which the scan continues. `None` at the beginning of a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<StartKey>,
    /// The number of older items that this pass has found.
    #[serde(default)]
    found: usize,
    /// Whether all items have the attributes.
    #[serde(default)]
    done: bool,
}

/// The key of an item.
#[derive(Debug, Serialize, Deserialize)]
struct StartKey {
    pk: String,
    sk: String,
}

impl Records {
    /// Adds the attributes to the items of the next part of the table, at most one megabyte. Returns the number of
    /// older items that were found, and whether another part follows in this pass.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn index_older(&self, kind: OlderItems) -> Result<(usize, bool), CallError> {
        let position: Position = self.get(kind.position()).await?.unwrap_or_default();
        if position.done {
            return Ok((0, false));
        }
        let (items, start) = self.scan_older(kind, position.start).await?;
        let (follows, count) = (start.is_some(), items.len());
        let indexed = stream::iter(items).map(|item| self.index_item(kind, item));
        indexed.buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        let found = position.found + count;
        let position = match start {
            Some(_) => Position { start, found, done: false },
            None => Position { start: None, found: 0, done: found == 0 },
        };
        let put = self.dynamodb.put_item().table_name(&self.table);
        put.set_item(Some(item(kind.position(), position)?)).send().await?;
        Ok((count, follows))
    }

    async fn scan_older(
        &self,
        kind: OlderItems,
        start: Option<StartKey>,
    ) -> Result<(Vec<Item>, Option<StartKey>), CallError> {
        let start = start.map(|StartKey { pk, sk }| key(string(pk), sk));
        let is_older = begins_with("sk", string(kind.prefix())).and(not_exists(kind.missing()));
        let answer = self.scan(is_older)?.set_exclusive_start_key(start).send().await?;
        let next = answer.last_evaluated_key.map(read).transpose()?;
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// Changes an item, unless it was deleted or changed since the scan. The next pass then finds it, if it needs to.
    async fn index_item(&self, kind: OlderItems, item: Item) -> Result<(), CallError> {
        let StartKey { pk, sk } = read(item.clone())?;
        let updated_at = item.get("updated_at").cloned();
        let updated_at =
            updated_at.ok_or_else(|| CallError::internal("an item has no time of its last change"))?;
        let is_unchanged = eq("updated_at", updated_at).and(not_exists(kind.missing()));
        let update = Update::new(key(string(pk), sk)).when(is_unchanged);
        let further = kind.further(&item)?;
        let attributes = kind.attributes(item)?;
        let update = attributes.into_iter().fold(update, |update, (name, value)| update.set(name, value));
        if let Some(further) = further {
            let items = vec![update.in_transaction(self)?, self.put_in_transaction(further, None)?];
            return self.transact(items).await.map(drop);
        }
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

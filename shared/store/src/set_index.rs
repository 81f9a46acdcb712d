//! Adds the sets of earlier versions to the list for admins.
//!
//! Earlier versions wrote sets without the attributes of this list. `workers-sweep` scans the table and adds them. It
//! stores its position, so a large table takes several runs. A pass that finds no such set is the last one, because a
//! function of the earlier version may still write a set during the first pass.

use aws::CallError;
use domain::{ImageSet, UserId};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::dynamodb::{
    condition::{begins_with, eq, not_exists},
    keys::{SET, item, key, owner, read, set_index_attributes, set_index_key, set_key, string, value},
    records::{Records, is_condition},
    update::Update,
};

/// How far the scans have got.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    /// The key after which the scan continues. `None` at the beginning of a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<StartKey>,
    /// The number of older sets that this pass has found.
    #[serde(default)]
    found: usize,
    /// Whether all sets have the attributes.
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
    /// Adds the attributes to the sets of the next part of the table, at most one megabyte. Returns the number of older
    /// sets that were found, and whether another part follows in this pass.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn index_older_sets(&self) -> Result<(usize, bool), CallError> {
        let position: Position = self.get(set_index_key()).await?.unwrap_or_default();
        if position.done {
            return Ok((0, false));
        }
        let (sets, start) = self.scan_older_sets(position.start).await?;
        try_join_all(sets.iter().map(|(user, set)| self.index_set(user, set))).await?;
        let (follows, found) = (start.is_some(), position.found + sets.len());
        let position = match start {
            Some(_) => Position { start, found, done: false },
            None => Position { start: None, found: 0, done: found == 0 },
        };
        let put = self.dynamodb.put_item().table_name(&self.table);
        put.set_item(Some(item(set_index_key(), position)?)).send().await?;
        Ok((sets.len(), follows))
    }

    async fn scan_older_sets(
        &self,
        start: Option<StartKey>,
    ) -> Result<(Vec<(UserId, ImageSet)>, Option<StartKey>), CallError> {
        let start = start.map(|StartKey { pk, sk }| key(string(pk), sk));
        let is_older = begins_with("sk", string(SET)).and(not_exists("shard"));
        let answer = self.scan(is_older)?.set_exclusive_start_key(start).send().await?;
        let sets = answer.items.unwrap_or_default().into_iter();
        let sets = sets.map(|item| Ok((owner(&item)?, read(item)?)));
        let next = answer.last_evaluated_key.map(read).transpose()?;
        Ok((sets.collect::<Result<_, CallError>>()?, next))
    }

    /// Changes a set, unless it was deleted or changed since the scan. The next pass then finds it, if it needs to.
    async fn index_set(&self, user: &UserId, set: &ImageSet) -> Result<(), CallError> {
        let is_unchanged = eq("updated_at", value(set.updated_at)?).and(not_exists("shard"));
        let update = Update::new(set_key(user, set.id)).when(is_unchanged);
        let attributes = set_index_attributes(set);
        let update = attributes.into_iter().fold(update, |update, (name, value)| update.set(name, value));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

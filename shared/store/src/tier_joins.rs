//! Which users joined which tier in the last day.
//!
//! The index `by_tier` lists the users of a tier, but it follows the table with a delay, so it can miss a user who joined
//! a moment ago. The items of this module are read consistently and fill this gap.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{TierId, Timestamp, UserId};

use crate::{
    account::not_deleted,
    dynamodb::{
        condition::{begins_with, eq, exists, not_exists},
        keys::{Item, TIER_JOINS, number, profile_key, string, tier_join_key, tier_joins_key},
        records::Records,
        update::Update,
    },
};

/// How long an item exists, in seconds. The index follows the table much sooner.
const SECONDS: i64 = 24 * 60 * 60;

/// The users who joined a tier in the last day.
#[derive(Debug, Default)]
pub(crate) struct TierJoins {
    /// The users. They may have left the tier since.
    pub(crate) users: Vec<UserId>,
    /// How often an admin has moved a user into the tier. `None` if that never happened.
    moves: Option<AttributeValue>,
}

impl Records {
    /// The users who joined a tier in the last day.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) async fn tier_joins(&self, tier: &TierId) -> Result<TierJoins, CallError> {
        let prefix = format!("{tier}#");
        let keys = eq("pk", string(TIER_JOINS)).and(begins_with("sk", string(&prefix)));
        let query = self.query(keys, None)?.consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut joins = TierJoins::default();
        while let Some(item) = pages.next().await {
            let mut item = item?;
            // The counter has the shortest sort key, so it is read before all users.
            match item.get("sk").and_then(|sk| sk.as_s().ok()?.strip_prefix(&prefix)) {
                Some("") => joins.moves = item.remove("moves"),
                user => joins.users.push(user.unwrap_or_default().parse().map_err(CallError::internal)?),
            }
        }
        Ok(joins)
    }

    /// Writes that a user joined a tier. Does nothing if the account is being deleted. Returns whether it wrote it.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) async fn put_tier_join(
        &self,
        tier: &TierId,
        user: &UserId,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let items = vec![
            self.put_in_transaction(join_item(tier, user, now), None)?,
            self.check(profile_key(user), exists("tier").and(not_deleted()))?,
        ];
        Ok(self.transact(items).await?.is_none())
    }

    /// The items of a transaction that moves a user into a tier: the join, and the counter of moves.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn count_tier_join(
        &self,
        tier: &TierId,
        user: &UserId,
        now: Timestamp,
    ) -> Result<[TransactWriteItem; 2], CallError> {
        let count = Update::new(tier_joins_key(tier)).add_from_zero("moves", 1);
        let join = self.put_in_transaction(join_item(tier, user, now), None)?;
        Ok([count.in_transaction(self)?, join])
    }

    /// The item of a transaction that deletes the counter of a tier, if nobody was moved into the tier since `joins` was
    /// read.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn end_tier_joins(
        &self,
        tier: &TierId,
        joins: &TierJoins,
    ) -> Result<TransactWriteItem, CallError> {
        let is_unchanged = match &joins.moves {
            Some(moves) => eq("moves", moves.clone()),
            None => not_exists("pk"),
        };
        self.delete_in_transaction(tier_joins_key(tier), is_unchanged)
    }
}

fn join_item(tier: &TierId, user: &UserId, now: Timestamp) -> Item {
    let mut item = tier_join_key(tier, user);
    item.insert("expires_at".to_owned(), number(now.as_second() + SECONDS));
    item
}

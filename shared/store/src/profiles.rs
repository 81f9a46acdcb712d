//! Profiles of users, with their usage and a copy of their tier's limits.

use std::time::Instant;

use aws::CallError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{AuditEntry, Profile, Tier, TierId, Timestamp, UserId};
use futures_util::future::try_join_all;

use crate::{
    account::{not_deleted, read_profile},
    dynamodb::{
        condition::{eq, exists, lt, not_exists},
        keys::{Item, number, owner, profile_key, tier_key, value},
        records::{CachedTier, Records, is_condition},
        update::Update,
    },
};

impl Records {
    /// A user's profile. `None` before the user creates something, and after the account was deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profile(&self, user: &UserId) -> Result<Option<Profile>, CallError> {
        let answer =
            self.dynamodb.get_item().table_name(&self.table).set_key(Some(profile_key(user))).send().await?;
        Ok(answer.item.map(read_profile).transpose()?.flatten())
    }

    /// A user's profile. Before the user creates something, an empty profile with the tier of new users.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profile_or_default(&self, user: &UserId) -> Result<Profile, CallError> {
        match self.profile(user).await? {
            Some(profile) => Ok(profile),
            None => Ok(Profile::new(self.default_tier().await?)),
        }
    }

    /// The profiles of these users, in any order, without users who have none.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profiles(&self, users: &[UserId]) -> Result<Vec<(UserId, Profile)>, CallError> {
        let items = self.batch(users.iter().map(profile_key).collect()).await?;
        let mut profiles = Vec::with_capacity(items.len());
        for item in items {
            let user = owner(&item)?;
            profiles.extend(read_profile(item)?.map(|profile| (user, profile)));
        }
        Ok(profiles)
    }

    /// The tier of new users, at most one minute old.
    ///
    /// # Errors
    /// [`CallError`]. If this tier was deleted from the table, [`CallError::Internal`].
    pub async fn default_tier(&self) -> Result<Tier, CallError> {
        let mut cached = self.default_tier.0.lock().await;
        if let Some((at, tier)) = cached.as_ref()
            && at.elapsed() < CachedTier::TIME
        {
            return Ok(tier.clone());
        }
        let id = TierId::default_for_new_users();
        let tier = self.tier(&id).await?.ok_or_else(|| {
            CallError::internal(format!(
                "the tier of new users does not exist: create it with PUT /api/admin/account-tiers/{id}"
            ))
        })?;
        *cached = Some((Instant::now(), tier.clone()));
        Ok(tier)
    }

    /// Moves a user to a tier. The user keeps all images, even above the limits. Returns whether the user was moved. The
    /// user is not moved if the tier was changed or deleted after it was read, or if the account is being deleted.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set_tier(&self, user: &UserId, tier: &Tier, now: Timestamp) -> Result<bool, CallError> {
        Ok(self.transact(self.tier_move(user, tier, now)?).await?.is_none())
    }

    /// As [`Records::set_tier`], and writes the entry of this change by an admin.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set_tier_audited(
        &self,
        user: &UserId,
        tier: &Tier,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        let mut items = self.tier_move(user, tier, now)?;
        items.push(self.audit_in_transaction(entry)?);
        Ok(self.transact(items).await?.is_none())
    }

    /// The items of the transaction that moves a user to a tier.
    fn tier_move(
        &self,
        user: &UserId,
        tier: &Tier,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, CallError> {
        // The update creates the profile if there is none.
        let profile = Update::new(profile_key(user))
            .set("tier", value(&tier.id)?)
            .set("limits", value(tier)?)
            .set_if_absent("images", number(0))
            .set_if_absent("bytes", number(0))
            .when(not_deleted());
        // The check guarantees that later changes of the tier reach this profile, because the stream record of such a
        // change follows this transaction. Transactions of new users do not check the tier, because they would conflict
        // on its item: see `Records::refresh_limits`. Admins move users rarely.
        let is_unchanged = exists("pk").and(eq("revision", number(tier.revision)).or(not_exists("revision")));
        let check = self.check(tier_key(&tier.id), is_unchanged)?;
        let mut items = vec![check, profile.in_transaction(self)?];
        items.extend(self.count_tier_join(&tier.id, user, now)?);
        Ok(items)
    }

    /// Copies a tier's limits to all its users whose copy is older. Returns the number of these users.
    ///
    /// # Errors
    /// [`CallError`]. A repeated call continues with the remaining users.
    pub async fn propagate_limits(&self, tier: &Tier) -> Result<usize, CallError> {
        // The index may miss users who joined a moment ago.
        let joined = self.tier_joins(&tier.id).await?.users;
        let mut count = self.update_all_limits(&joined, tier).await?;
        let mut start = None;
        loop {
            let (users, next) = self.users_in(&tier.id, start, None).await?;
            count += self.update_all_limits(&users, tier).await?;
            if next.is_none() {
                return Ok(count);
            }
            start = next;
        }
    }

    async fn update_all_limits(&self, users: &[UserId], tier: &Tier) -> Result<usize, CallError> {
        const AT_ONCE: usize = 16;
        let mut count = 0;
        for users in users.chunks(AT_ONCE) {
            let updates = try_join_all(users.iter().map(|user| self.update_limits(user, tier))).await?;
            count += updates.into_iter().filter(|is_updated| *is_updated).count();
        }
        Ok(count)
    }

    /// Copies the current limits of the tier to a profile whose copy is older. Returns whether it was older.
    ///
    /// A user's first image creates the profile with limits that may be [`CachedTier::TIME`] old. Its transaction does not
    /// check them: a transaction fails when it contains an item that is part of another ongoing one (Amazon DynamoDB
    /// Developer Guide, "Transaction conflict handling in DynamoDB"), and all new users share the item of their tier.
    /// Instead, `workers-tiers` calls this for each new profile. A later change of the tier reaches the profile by
    /// [`Records::propagate_limits`], which finds it in the item that is written here before the tier is read.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn refresh_limits(
        &self,
        user: &UserId,
        profile: &Profile,
        now: Timestamp,
    ) -> Result<bool, CallError> {
        if !self.put_tier_join(&profile.tier, user, now).await? {
            return Ok(false);
        }
        match self.tier(&profile.tier).await? {
            Some(tier) if tier.revision > profile.limits.revision => self.update_limits(user, &tier).await,
            _ => Ok(false),
        }
    }

    async fn update_limits(&self, user: &UserId, tier: &Tier) -> Result<bool, CallError> {
        let is_older = not_exists("limits.revision").or(lt("limits.revision", number(tier.revision)));
        let update = Update::new(profile_key(user))
            .set("limits", value(tier)?)
            .when(eq("tier", value(&tier.id)?).and(is_older));
        match update.alone(self)?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Users of a tier, and the key after which the next page begins.
    pub(crate) async fn users_in(
        &self,
        tier: &TierId,
        start: Option<Item>,
        limit: Option<i32>,
    ) -> Result<(Vec<UserId>, Option<Item>), CallError> {
        let answer = self
            .query(eq("tier", value(tier)?), None)?
            .index_name("by_tier")
            .set_exclusive_start_key(start)
            .set_limit(limit)
            .send()
            .await?;
        let users = answer.items.unwrap_or_default().iter().map(owner).collect::<Result<Vec<_>, _>>()?;
        Ok((users, answer.last_evaluated_key))
    }
}

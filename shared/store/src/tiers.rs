//! Tiers, and users' profiles, which carry a copy of their tier's rules.

use std::time::{Duration, Instant};

use aws::CallError;
use aws_sdk_dynamodb::types::{ConditionCheck, ReturnValue, TransactWriteItem};
use domain::{Profile, Tier, TierId, UserId};
use futures_util::future::try_join_all;
use tokio::sync::Mutex;

use crate::{
    Records,
    item::{Item, TIERS, Write, item, names_in, number, owner, profile_key, read, string, tier_key, value},
    records::is_condition,
};

/// The tier of new users, as this instance read it last.
#[derive(Debug, Default)]
pub(crate) struct CachedTier(Mutex<Option<(Instant, Tier)>>);

impl CachedTier {
    /// So long a changed tier may look to users who have nothing yet as it was before.
    const TIME: Duration = Duration::from_secs(60);
}

/// Why a tier was not removed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteTierError {
    /// There is no such tier.
    #[error("there is no such tier")]
    NotFound,
    /// Users are in it.
    #[error("users are in this tier")]
    InUse,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// A user's profile, if it has one: the first image makes it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profile(&self, user: &UserId) -> Result<Option<Profile>, CallError> {
        let answer =
            self.dynamodb.get_item().table_name(&self.table).set_key(Some(profile_key(user))).send().await?;
        answer.item.map(read).transpose()
    }

    /// A user's profile, or what it will be once the user has made an image.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profile_or_default(&self, user: &UserId) -> Result<Profile, CallError> {
        match self.profile(user).await? {
            Some(profile) => Ok(profile),
            None => Ok(Profile::new(self.default_tier().await?)),
        }
    }

    /// The profiles of some users, in no order, without those of users who have none.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profiles(&self, users: &[UserId]) -> Result<Vec<(UserId, Profile)>, CallError> {
        let items = self.batch(users.iter().map(profile_key).collect()).await?;
        items.into_iter().map(|item| Ok((owner(&item)?, read(item)?))).collect()
    }

    /// The tier of new users, at most a minute old.
    ///
    /// # Errors
    /// [`CallError`]; where somebody removed this tier from the table, [`CallError::Internal`].
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
                "the tier for new users is missing: create it with PUT /api/admin/account-tiers/{id}"
            ))
        })?;
        *cached = Some((Instant::now(), tier.clone()));
        Ok(tier)
    }

    /// A tier.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn tier(&self, id: &TierId) -> Result<Option<Tier>, CallError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(tier_key(id)))
            .consistent_read(true)
            .send()
            .await?;
        answer.item.map(read).transpose()
    }

    /// All tiers, those with fewer images first.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn tiers(&self) -> Result<Vec<Tier>, CallError> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(TIERS))
            .send()
            .await?;
        let items = answer.items.unwrap_or_default().into_iter();
        let mut tiers = items.map(read::<Tier>).collect::<Result<Vec<_>, _>>()?;
        tiers.sort_by(|a, b| (a.max_images, a.id.as_str()).cmp(&(b.max_images, b.id.as_str())));
        Ok(tiers)
    }

    /// Writes a tier unless there is one with its id. Returns whether it was written.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn create_tier(&self, tier: &Tier) -> Result<bool, CallError> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(tier_key(&tier.id), tier)?))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a tier, new or not, as its next revision. The stream carries it to the users who are in it.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_tier(&self, tier: &Tier) -> Result<Tier, CallError> {
        let mut fields = item(Item::new(), tier)?;
        fields.remove("revision");
        let mut update = "SET #revision = if_not_exists(#revision, :none) + :one".to_owned();
        for name in fields.keys() {
            update.push_str(&format!(", #{name} = :{name}"));
        }
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(tier_key(&tier.id)))
            .set_expression_attribute_names(names_in(&[&update]))
            .update_expression(update)
            .set_expression_attribute_values(Some(
                fields.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect(),
            ))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        read(answer.attributes.ok_or_else(|| CallError::internal("no attributes returned"))?)
    }

    /// Removes a tier that nobody is in.
    ///
    /// # Errors
    /// [`DeleteTierError`]
    pub async fn delete_tier(&self, id: &TierId) -> Result<(), DeleteTierError> {
        if !self.users_in(id, None, Some(1)).await?.0.is_empty() {
            return Err(DeleteTierError::InUse);
        }
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(tier_key(id)))
            .condition_expression("attribute_exists(pk)")
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Err(DeleteTierError::NotFound),
            Err(error) => Err(CallError::from(error).into()),
        }
    }

    /// Puts a user into a tier. What the user has stays, however much it is. Returns whether
    /// it was done: not where the tier was changed or removed since it was read.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set_tier(&self, user: &UserId, tier: &Tier) -> Result<bool, CallError> {
        let update = "SET #tier = :tier, #limits = :limits, #images = if_not_exists(#images, :none), \
                      #bytes = if_not_exists(#bytes, :none)";
        // Anything goes, but a condition has to be one.
        let profile =
            Write::new(profile_key(user), update, "attribute_exists(pk) OR attribute_not_exists(pk)")
                .value(":tier", value(&tier.id)?)
                .value(":limits", value(tier)?)
                .value(":none", number(0));
        // An admin moves a user rarely, so that this check of the tier's item meets no other transaction with it. The
        // first image of each new user would: see `Records::refresh_limits`.
        let parts = vec![self.tier_is_unchanged(tier)?, profile.in_transaction(self)?];
        let reasons = self.transact(parts).await?;
        Ok(reasons.is_none())
    }

    /// The part of a transaction that fails where a tier was changed or deleted since it was read. The stream's record
    /// of a later change then finds the user who got this copy.
    fn tier_is_unchanged(&self, tier: &Tier) -> Result<TransactWriteItem, CallError> {
        let condition = "attribute_exists(pk) AND (#revision = :revision OR attribute_not_exists(#revision))";
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(tier_key(&tier.id)))
            .condition_expression(condition)
            .set_expression_attribute_names(names_in(&[condition]))
            .expression_attribute_values(":revision", number(tier.revision))
            .build()
            .map_err(CallError::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Copies a tier's rules to everybody who is in it and has older ones. Returns how many had.
    ///
    /// # Errors
    /// [`CallError`]; calling it again goes on with those that are left.
    pub async fn propagate_limits(&self, tier: &Tier) -> Result<usize, CallError> {
        const AT_ONCE: usize = 16;
        let (mut count, mut start) = (0, None);
        loop {
            let (users, next) = self.users_in(&tier.id, start, None).await?;
            for users in users.chunks(AT_ONCE) {
                let updated = try_join_all(users.iter().map(|user| self.update_limits(user, tier))).await?;
                count += updated.into_iter().filter(|updated| *updated).count();
            }
            if next.is_none() {
                return Ok(count);
            }
            start = next;
        }
    }

    /// Gives a user the current rules of the tier, if the profile's copy of them is older. Returns whether it was.
    ///
    /// A user's first image writes the profile with rules that may be [`CachedTier::TIME`] old. Its transaction does not
    /// check them: a transaction fails when it contains an item that is part of another ongoing one (Amazon DynamoDB
    /// Developer Guide, "Transaction conflict handling in DynamoDB"), and all new users share the item of their tier.
    /// Instead, `workers-tiers` calls this for each new profile. A later change of the tier reaches the profile by
    /// [`Records::propagate_limits`].
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn refresh_limits(&self, user: &UserId, profile: &Profile) -> Result<bool, CallError> {
        match self.tier(&profile.tier).await? {
            Some(tier) if tier.revision > profile.limits.revision => self.update_limits(user, &tier).await,
            _ => Ok(false),
        }
    }

    async fn update_limits(&self, user: &UserId, tier: &Tier) -> Result<bool, CallError> {
        let condition =
            "#tier = :tier AND (attribute_not_exists(#limits.#revision) OR #limits.#revision < :revision)";
        let write = Write::new(profile_key(user), "SET #limits = :limits", condition)
            .value(":tier", value(&tier.id)?)
            .value(":limits", value(tier)?)
            .value(":revision", number(tier.revision));
        match write.alone(self).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn users_in(
        &self,
        tier: &TierId,
        start: Option<Item>,
        limit: Option<i32>,
    ) -> Result<(Vec<UserId>, Option<Item>), CallError> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by_tier")
            .key_condition_expression("tier = :tier")
            .expression_attribute_values(":tier", value(tier)?)
            .set_exclusive_start_key(start)
            .set_limit(limit)
            .send()
            .await?;
        let users = answer.items.unwrap_or_default().iter().map(owner).collect::<Result<Vec<_>, _>>()?;
        Ok((users, answer.last_evaluated_key))
    }
}

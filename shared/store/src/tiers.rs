//! Tiers.

use aws::CallError;
use domain::{AuditEntry, Tier, TierId};

use crate::dynamodb::{
    condition::{eq, exists, not_exists},
    keys::{Item, TIERS, item, read, string, tier_key},
    records::{Records, is_condition},
    transactions::refused,
    update::Update,
};

/// Why a tier was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteTierError {
    /// The tier does not exist.
    #[error("the tier does not exist")]
    NotFound,
    /// The tier has users.
    #[error("the tier has users")]
    InUse,
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Records {
    /// A tier.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn tier(&self, id: &TierId) -> Result<Option<Tier>, CallError> {
        self.get(tier_key(id)).await
    }

    /// All tiers. Tiers that allow fewer images are first.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn tiers(&self) -> Result<Vec<Tier>, CallError> {
        let answer = self.query(eq("pk", string(TIERS)), None)?.send().await?;
        let items = answer.items.unwrap_or_default().into_iter();
        let mut tiers = items.map(read::<Tier>).collect::<Result<Vec<_>, _>>()?;
        tiers.sort_by(|a, b| (a.max_images, a.id.as_str()).cmp(&(b.max_images, b.id.as_str())));
        Ok(tiers)
    }

    /// Creates a tier, unless a tier with its id exists. Returns whether it was created.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn create_tier(&self, tier: &Tier) -> Result<bool, CallError> {
        match self.put_when(item(tier_key(&tier.id), tier)?, not_exists("pk"))?.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a tier or replaces it with its next revision, and writes the entry of this change by an admin.
    /// `workers-tiers` then copies the limits to the users of the tier.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn put_tier(&self, tier: &Tier, entry: &AuditEntry) -> Result<(), CallError> {
        let mut fields = item(Item::new(), tier)?;
        fields.remove("revision");
        let update = Update::new(tier_key(&tier.id)).add_from_zero("revision", 1);
        let update = fields.into_iter().fold(update, |update, (name, value)| update.set(name, value));
        let items = vec![update.in_transaction(self)?, self.audit_in_transaction(entry)?];
        match self.transact(items).await? {
            None => Ok(()),
            Some(_) => Err(CallError::internal("DynamoDB refused a transaction without conditions")),
        }
    }

    /// Deletes a tier that has no users, and writes the entry of this deletion by an admin.
    ///
    /// The index `by_tier` may miss users who joined a moment ago. So the profiles of those who joined in the last day are
    /// read too, and nobody must join until the tier is deleted.
    ///
    /// # Errors
    /// [`DeleteTierError`]
    pub async fn delete_tier(&self, id: &TierId, entry: &AuditEntry) -> Result<(), DeleteTierError> {
        let indexed = self.users_in(id, None, Some(1));
        let ((indexed, _), joins) = tokio::try_join!(indexed, self.tier_joins(id))?;
        let joined = self.profiles(&joins.users).await?;
        if !indexed.is_empty() || joined.iter().any(|(_, profile)| profile.tier == *id) {
            return Err(DeleteTierError::InUse);
        }
        let tier = self.delete_in_transaction(tier_key(id), exists("pk"))?;
        let entry = self.audit_in_transaction(entry)?;
        let reasons = self.transact(vec![tier, self.end_tier_joins(id, &joins)?, entry]).await?;
        match reasons.as_deref().map(|reasons| reasons.first().and_then(refused)) {
            None => Ok(()),
            Some(Some(_)) => Err(DeleteTierError::NotFound),
            Some(None) => Err(DeleteTierError::InUse),
        }
    }
}

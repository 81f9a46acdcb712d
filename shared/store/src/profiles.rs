//! Users' profiles and the tiers they copy their rules from.

use aws::CallError;
use domain::{Profile, Tier, TierId, UserId};

use crate::{
    Records,
    item::{key, profile_key, read, string},
};

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
            None => Ok(Profile::new(self.default_tier().await?.clone())),
        }
    }

    /// The tier of new users, read once per instance.
    ///
    /// # Errors
    /// [`CallError`]; a stack whose tiers were never seeded is [`CallError::Internal`].
    pub async fn default_tier(&self) -> Result<&Tier, CallError> {
        self.default_tier
            .get_or_try_init(|| async {
                let id = TierId::default_for_new_users();
                self.tier(&id).await?.ok_or_else(|| {
                    CallError::internal(format!(
                        "the table has no tier {id}: `cargo xtask seed` makes the tiers"
                    ))
                })
            })
            .await
    }

    async fn tier(&self, id: &TierId) -> Result<Option<Tier>, CallError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(string("TIER"), format!("TIER#{id}"))))
            .send()
            .await?;
        answer.item.map(read).transpose()
    }
}
